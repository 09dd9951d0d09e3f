-- select
select text(soap_objective_vital_signs.id), text(soap_notes.patient_id), text(soap_notes.encounter_id), text(soap_objective_vital_signs.measured_at), text(soap_objective_vital_signs.recorded_by), text(soap_objective_vital_signs.systolic), text(soap_objective_vital_signs.diastolic), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('patient') and d.key = text(soap_notes.patient_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Patient' and d.id = text(soap_notes.patient_id) and d.map is null)), (select d.id from directory d where d.organization_id = $1 and d.type = 'Encounter' and d.id = text(soap_notes.encounter_id) and d.map is null), (select d.id from directory d where d.organization_id = $1 and d.type = 'Practitioner' and d.id = text(soap_objective_vital_signs.recorded_by) and d.map is null), cast(null as text), case when soap_objective_vital_signs.systolic is not null or soap_objective_vital_signs.diastolic is not null then 'true' else 'false' end, text(soap_objective_vital_signs.updated_at) from {keys} join soap_objective_vital_signs on soap_objective_vital_signs.id = k.key left join soap_notes on soap_notes.id = soap_objective_vital_signs.soap_note_id and soap_notes.organization_id = $1 where soap_objective_vital_signs.organization_id = $1 and (soap_notes.deleted_at is null) and soap_objective_vital_signs.deleted_at is null

-- insert
insert into soap_objective_vital_signs (id, organization_id, measured_at, recorded_by, systolic, diastolic, soap_note_id, updated_at) values ($1, bigint($2), timestamptz($3), $4, numeric($5), numeric($6), $7, timestamptz($8)), ($9, bigint($10), timestamptz($11), $12, numeric($13), numeric($14), $15, timestamptz($16)) returning text(id), text(measured_at), text(recorded_by), text(systolic), text(diastolic)

-- delete
delete from soap_objective_vital_signs where soap_objective_vital_signs.id in (select k.key from {keys}) and soap_objective_vital_signs.organization_id = $1

-- soft delete
update soap_objective_vital_signs set deleted_at = timestamptz($2) where soap_objective_vital_signs.id in (select k.key from {keys}) and soap_objective_vital_signs.organization_id = $1

-- left over
select text(soap_objective_vital_signs.id) from {keys} join soap_objective_vital_signs on soap_objective_vital_signs.id = k.key left join soap_notes on soap_notes.id = soap_objective_vital_signs.soap_note_id and soap_notes.organization_id = $1 where soap_objective_vital_signs.organization_id = $1 and (soap_notes.deleted_at is null) and soap_objective_vital_signs.deleted_at is null and (soap_objective_vital_signs.systolic is not null or soap_objective_vital_signs.diastolic is not null)

