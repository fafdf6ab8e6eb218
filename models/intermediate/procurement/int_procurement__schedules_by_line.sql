with schedule_lines as (

    select * from {{ ref('int_procurement__schedule_lines_validated') }}
    where reason_codes is null

),

final as (

    select
        purchase_order_line_key,
        count(*) as schedule_line_count,
        sum(scheduled_quantity) as scheduled_quantity,
        min(scheduled_delivery_date) as first_scheduled_delivery_date,
        max(scheduled_delivery_date) as scheduled_delivery_date,
        max(landed_at) as landed_at
    from schedule_lines
    group by purchase_order_line_key

)

select * from final
