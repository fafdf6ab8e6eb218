with judged as (

    select * from {{ ref('int_procurement__requisition_lines_validated') }}

),

final as (

    select
        requisition_line_key as quarantine_key,
        'requisition_lines' as entity_name,
        'requisition ' || coalesce(requisition_number, cast(requisition_id as {{ dbt.type_string() }}))
        || ', line ' || requisition_line_number as record_key,
        reason_codes,
        severity,
        requisition_id,
        requisition_line_number,
        requisition_number,
        supplier_id,
        material_id,
        plant_id,
        business_unit,
        line_status,
        quantity_unit,
        currency_code,
        requested_quantity,
        requested_amount,
        requested_amount_gbp,
        submitted_at,
        approved_at,
        row_hash,
        source_ref,
        load_id,
        landed_at
    from judged
    where reason_codes is not null

)

select * from final
