-- select
select text(coverages.id), text(coverages.member_number), text(coverages.status), text(coverages.type_system), text(coverages.type_code), text(coverages.type_display), text(coverages.type), text(coverages.subscriber_patient_id), text(coverages.subscriber_number), text(coverages.patient_id), text(coverages.dependent), text(coverages.relationship), text(coverages.starts_on), text(coverages.ends_on), text(coverages.payor_organization_id), text(coverages.priority), text(coverages.network), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('patient') and d.key = text(coverages.subscriber_patient_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Patient' and d.id = text(coverages.subscriber_patient_id) and d.map is null)), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('patient') and d.key = text(coverages.patient_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Patient' and d.id = text(coverages.patient_id) and d.map is null)), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('organization') and d.key = text(coverages.payor_organization_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Organization' and d.id = text(coverages.payor_organization_id) and d.map is null)), text(coverages.fhir_residue), 'true', text(coverages.updated_at) from {keys} join coverages on coverages.id = k.key where coverages.organization_id = $1

-- insert
insert into coverages (id, organization_id, member_number, status, type_system, type_code, type_display, type, subscriber_patient_id, subscriber_number, patient_id, dependent, relationship, starts_on, ends_on, payor_organization_id, priority, network, fhir_residue, updated_at) values ($1, bigint($2), $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, date($14), date($15), $16, integer($17), $18, $19, timestamptz($20)), ($21, bigint($22), $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, date($34), date($35), $36, integer($37), $38, $39, timestamptz($40)) returning text(id), text(member_number), text(status), text(type_system), text(type_code), text(type_display), text(type), text(subscriber_patient_id), text(subscriber_number), text(patient_id), text(dependent), text(relationship), text(starts_on), text(ends_on), text(payor_organization_id), text(priority), text(network)

-- delete
delete from coverages where coverages.id in (select k.key from {keys}) and coverages.organization_id = $1

-- left over
select text(coverages.id) from {keys} join coverages on coverages.id = k.key where coverages.organization_id = $1 and (true)

-- child select
select text(coverage_classes.coverage_id), cast(null as text), cast(coverage_classes.position as bigint), text(coverage_classes.class_type), text(coverage_classes.value), text(coverage_classes.name), text(coverage_classes.fhir_residue) from {keys} join coverage_classes on coverage_classes.coverage_id = k.key where coverage_classes.organization_id = $1

-- child insert
insert into coverage_classes (coverage_id, organization_id, position, class_type, value, name, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, $7) returning text(coverage_id), text(class_type), text(value), text(name)

-- child delete all
delete from coverage_classes where coverage_classes.coverage_id in (select k.key from {keys}) and coverage_classes.organization_id = $1

-- child update
update coverage_classes set class_type = $4, value = $5, name = $6, fhir_residue = $7 where coverage_classes.organization_id = $1 and coverage_classes.coverage_id = $2 and coverage_classes.position = integer($3) returning text(class_type), text(value), text(name)

-- child delete
delete from coverage_classes where coverage_classes.organization_id = $1 and coverage_classes.coverage_id = $2 and coverage_classes.position = integer($3)

