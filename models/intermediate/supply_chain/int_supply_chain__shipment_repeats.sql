-- A table: candidates, shipments, the log of decisions and the parallel run read it.
{{ config(materialized='table') }}

-- What makes two lines of one system the same shipment under two numbers: all of it, to the gram and the penny.
{% set content = [
    'purchase_order_id', 'supplier_id', 'material_id', 'plant_id', 'carrier_name', 'transport_mode', 'shipment_status',
    'base_quantity', 'weight_kg', 'freight_amount', 'shipped_date', 'delivered_date',
] %}

with lines as (

    select * from {{ ref('int_supply_chain__shipments_validated') }}
    where reason_codes is null

),

-- The same number again: what came last holds. Within one load, the later file and the later line.
by_number as (

    select
        lines.*,
        first_value(lines.legacy_line_key) over (
            partition by lines.legacy_system, lines.shipment_id
            order by lines.landed_at desc, lines.source_file desc, lines.source_line desc, lines.source_ref desc
            rows between unbounded preceding and unbounded following
        ) as last_line_key
    from lines

),

-- Another number, but the same in everything. Weight and freight have to be known: two lorries of one order on one day
-- can agree in all the rest.
by_content as (

    select
        legacy_line_key,
        first_value(legacy_line_key) over (
            partition by legacy_system, {{ content | join(', ') }}
            order by length(shipment_id), shipment_id
            rows between unbounded preceding and unbounded following
        ) as first_line_key
    from by_number
    where legacy_line_key = last_line_key
        and purchase_order_id is not null
        and material_id is not null
        and weight_kg is not null
        and freight_amount is not null

),

final as (

    select
        by_number.*,
        coalesce(by_content.first_line_key, by_number.last_line_key) as kept_line_key,
        case
            when by_number.legacy_line_key <> by_number.last_line_key then 'same_number'
            when by_content.first_line_key <> by_number.legacy_line_key then 'same_content'
        end as repeat_kind
    from by_number
    left join by_content on by_number.last_line_key = by_content.legacy_line_key

)

select * from final
