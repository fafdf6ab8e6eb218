-- Where does the time go between requisition and payment? Average days of each step by the supplier's country, finished
-- lines only.
with lines as (

    select * from {{ ref('obt_procurement') }}
    where current_stage = 'paid'

),

final as (

    select
        supplier_country_name,
        count(*) as line_count,
        cast(avg(days_submitted_to_approved) as decimal(9, 1)) as to_approval,
        cast(avg(days_approved_to_ordered) as decimal(9, 1)) as to_order,
        cast(avg(days_ordered_to_received) as decimal(9, 1)) as to_receipt,
        cast(avg(days_received_to_invoiced) as decimal(9, 1)) as to_invoice,
        cast(avg(days_invoiced_to_paid) as decimal(9, 1)) as to_payment,
        cast(avg(case when is_three_way_matched then 100.0 else 0 end) as decimal(9, 1)) as matched_percent
    from lines
    group by supplier_country_name

)

select * from final
order by line_count desc
