with requisition_lines as (

    select * from {{ ref('int_procurement__requisition_lines_validated') }}
    where reason_codes is null

),

final as (

    select
        purchase_order_line_key,
        count(*) as requisition_line_count,
        sum(requested_quantity) as requested_quantity,
        -- Several requisitions may be bought together: the wait begins with the first and is over when all are
        -- approved.
        cast(min(submitted_at) as date) as requisition_submitted_date,
        case when count(approved_at) = count(*) then cast(max(approved_at) as date) end as requisition_approved_date,
        max(greatest(landed_at, requisition_landed_at)) as landed_at
    from requisition_lines
    where purchase_order_line_number is not null and line_status not in ('cancelled', 'rejected')
    group by purchase_order_line_key

)

select * from final
