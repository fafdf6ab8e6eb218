-- A table, so that each rule is evaluated once a row and not by each reader.
{{ config(materialized='table') }}

with schedule_lines as (

    select * from {{ ref('stg_sap__purchase_order_schedule_lines') }}

),

items as (

    select * from {{ ref('stg_sap__purchase_order_items') }}

),

orders as (

    select * from {{ ref('stg_sap__purchase_orders') }}

),

placed as (

    select
        {{ dbt_utils.generate_surrogate_key([
            'schedule_lines.purchase_order_id',
            'schedule_lines.purchase_order_line_number',
            'schedule_lines.schedule_line_number',
        ]) }} as schedule_line_key,
        schedule_lines.*,
        items.purchase_order_line_key is not null as has_order_line,
        orders.purchase_order_date,
        cast({{ dbt.dateadd('year', 5, 'orders.purchase_order_date') }} as date) as latest_plausible_date
    from schedule_lines
    left join items on schedule_lines.purchase_order_line_key = items.purchase_order_line_key
    left join orders on schedule_lines.purchase_order_id = orders.purchase_order_id

),

final as (

    {{ evaluate_rules('placed') }}

)

select * from final
