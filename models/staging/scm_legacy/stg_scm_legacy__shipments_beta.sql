with source as (

    select * from {{ source('scm_legacy', 'shipments_beta') }}

),

final as (

    select
        {{ shipment_number('tracking_no') }} as shipment_id,
        -- Beta's users leave out the 45 that every purchase order starts with.
        case
            when length(trim(order_no)) = 8 then '45' || trim(order_no)
            else {{ blank_to_null('order_no') }}
        end as purchase_order_id,
        {{ first_match('vendor', "'[0-9]{5,10}'") }} as supplier_id,
        {{ blank_to_null('item') }} as material_id,
        tracking_no as shipment_reference,
        vendor as vendor_text,
        destination as plant_name,
        {{ blank_to_null('carrier_name') }} as carrier_name,
        case upper(trim(transport_mode))
            when 'TRUCK' then 'road'
            when 'RAIL' then 'rail'
            when 'OCEAN' then 'sea'
            when 'AIR' then 'air'
        end as transport_mode,
        case state
            when 'OPEN' then 'planned'
            when 'TRANSIT' then 'in_transit'
            when 'DONE' then 'delivered'
            when 'VOID' then 'cancelled'
        end as shipment_status,
        case when freight_usd is not null then 'USD' end as currency_code,
        qty as shipped_quantity,
        weight_lb,
        -- The international pound. Widened, because DuckDB keeps the product in 18 digits otherwise and could overflow.
        cast(cast(weight_lb as decimal(19, 3)) * 0.45359237 as decimal(18, 3)) as weight_kg,
        freight_usd as freight_amount,
        shipped_on as shipped_date,
        delivered_on as delivered_date,
        _row_hash as row_hash,
        _source_ref as source_ref,
        _source_file as source_file,
        _source_line as source_line,
        _dlt_load_id as load_id,
        {{ utc_timestamp('_landed_at') }} as landed_at
    from source
    where coalesce(_is_deleted, false) = false

)

select * from final
