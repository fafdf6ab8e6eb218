-- How long do claimants wait for their money? Days from the expense to the payment by company and item.
with expenses as (

    select * from {{ ref('fct_travel_expenses') }}
    where is_paid and not is_correction

),

final as (

    select
        tenant_id,
        expense_item,
        count(*) as line_count,
        sum(expense_amount_gbp) as expense_amount_gbp,
        avg(days_to_approve) as average_days_to_approve,
        avg(days_to_pay) as average_days_to_pay,
        max(days_to_approve + days_to_pay) as longest_wait_days
    from expenses
    group by tenant_id, expense_item

)

select * from final
order by tenant_id, expense_item
