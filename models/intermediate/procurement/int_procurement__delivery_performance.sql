with lines as (

    select * from {{ ref('int_procurement__purchase_order_lines_validated') }}
    where reason_codes is null

),

final as (

    select
        *,
        case
            when last_receipt_date is not null
                then {{ dbt.datediff('scheduled_delivery_date', 'last_receipt_date', 'day') }}
        end as days_late,
        case
            when last_receipt_date is not null then last_receipt_date <= scheduled_delivery_date
            when scheduled_delivery_date < {{ as_of_date() }} then false
        end as is_on_time,
        received_quantity >= order_quantity as is_in_full
    from lines

)

select * from final
