-- select
select text(devices.id), text(devices.udi_device_identifier), text(devices.udi_carrier), text(devices.udi_issuer), text(devices.udi_entry_type), text(devices.status), text(devices.status_reason), text(devices.distinct_identifier), text(devices.manufacturer), text(devices.manufactured_on), text(devices.expires_on), text(devices.lot_number), text(devices.serial_number), text(devices.model_number), text(devices.part_number), text(devices.type_system), text(devices.type_code), text(devices.type_display), text(devices.type), text(devices.patient_id), text(devices.owner_organization_id), text(devices.location_id), text(devices.note), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('patient') and d.key = text(devices.patient_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Patient' and d.id = text(devices.patient_id) and d.map is null)), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('organization') and d.key = text(devices.owner_organization_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Organization' and d.id = text(devices.owner_organization_id) and d.map is null)), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('location') and d.key = text(devices.location_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Location' and d.id = text(devices.location_id) and d.map is null)), text(devices.fhir_residue), 'true', text(devices.updated_at) from {keys} join devices on devices.id = k.key where devices.organization_id = $1

-- insert
insert into devices (id, organization_id, udi_device_identifier, udi_carrier, udi_issuer, udi_entry_type, status, status_reason, distinct_identifier, manufacturer, manufactured_on, expires_on, lot_number, serial_number, model_number, part_number, type_system, type_code, type_display, type, patient_id, owner_organization_id, location_id, note, fhir_residue, updated_at) values ($1, bigint($2), $3, $4, $5, $6, $7, $8, $9, $10, date($11), date($12), $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, timestamptz($26)), ($27, bigint($28), $29, $30, $31, $32, $33, $34, $35, $36, date($37), date($38), $39, $40, $41, $42, $43, $44, $45, $46, $47, $48, $49, $50, $51, timestamptz($52)) returning text(id), text(udi_device_identifier), text(udi_carrier), text(udi_issuer), text(udi_entry_type), text(status), text(status_reason), text(distinct_identifier), text(manufacturer), text(manufactured_on), text(expires_on), text(lot_number), text(serial_number), text(model_number), text(part_number), text(type_system), text(type_code), text(type_display), text(type), text(patient_id), text(owner_organization_id), text(location_id), text(note)

-- delete
delete from devices where devices.id in (select k.key from {keys}) and devices.organization_id = $1

-- left over
select text(devices.id) from {keys} join devices on devices.id = k.key where devices.organization_id = $1 and (true)

-- child select
select text(device_names.device_id), cast(null as text), cast(device_names.position as bigint), text(device_names.name), text(device_names.name_type), text(device_names.fhir_residue) from {keys} join device_names on device_names.device_id = k.key where device_names.organization_id = $1

-- child insert
insert into device_names (device_id, organization_id, position, name, name_type, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6) returning text(device_id), text(name), text(name_type)

-- child delete all
delete from device_names where device_names.device_id in (select k.key from {keys}) and device_names.organization_id = $1

-- child update
update device_names set name = $4, name_type = $5, fhir_residue = $6 where device_names.organization_id = $1 and device_names.device_id = $2 and device_names.position = integer($3) returning text(name), text(name_type)

-- child delete
delete from device_names where device_names.organization_id = $1 and device_names.device_id = $2 and device_names.position = integer($3)

