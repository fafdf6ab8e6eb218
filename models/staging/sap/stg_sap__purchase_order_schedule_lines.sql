with source as (

    select * from {{ source('sap', 'purchase_order_schedule_lines') }}

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['purchasing_document', 'purchasing_document_item']) }}
            as purchase_order_line_key,
        purchasing_document as purchase_order_id,
        purchasing_document_item as purchase_order_line_number,
        schedule_line as schedule_line_number,
        {{ blank_to_null('purchase_order_quantity_unit') }} as order_unit,
        schedule_line_order_quantity as scheduled_quantity,
        schedule_line_committed_quantity as committed_quantity,
        schedule_line_delivery_date as scheduled_delivery_date,
        sched_line_stsc_delivery_date as statistical_delivery_date,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source
    where coalesce(_is_deleted, false) = false

)

select * from final
