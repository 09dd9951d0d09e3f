-- select
select text(patient_consents.id), text(patient_consents.status), text(patient_consents.consent_type), text(patient_consents.patient_id), text(patient_consents.given_at), text(patient_consents.evidence), text(patient_consents.evidence_url), text(patient_consents.granted), text(patient_consents.valid_from), text(patient_consents.valid_until), text(patient_consents.purpose), text(patient_consents.presumed), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('patient') and d.key = text(patient_consents.patient_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Patient' and d.id = text(patient_consents.patient_id) and d.map is null)), text(patient_consents.fhir_residue), 'true', text(patient_consents.updated_at) from {keys} join patient_consents on patient_consents.id = k.key where patient_consents.organization_id = $1

-- insert
insert into patient_consents (id, organization_id, status, consent_type, patient_id, given_at, evidence, evidence_url, granted, valid_from, valid_until, purpose, presumed, fhir_residue, updated_at) values ($1, bigint($2), $3, $4, $5, timestamptz($6), $7, $8, boolean($9), date($10), date($11), $12, boolean($13), $14, timestamptz($15)), ($16, bigint($17), $18, $19, $20, timestamptz($21), $22, $23, boolean($24), date($25), date($26), $27, boolean($28), $29, timestamptz($30)) returning text(id), text(status), text(consent_type), text(patient_id), text(given_at), text(evidence), text(evidence_url), text(granted), text(valid_from), text(valid_until), text(purpose), text(presumed)

-- delete
delete from patient_consents where patient_consents.id in (select k.key from {keys}) and patient_consents.organization_id = $1

-- left over
select text(patient_consents.id) from {keys} join patient_consents on patient_consents.id = k.key where patient_consents.organization_id = $1 and (true)

