-- A plain table: some thousand lines a year do not pay for the care that an incremental fact takes.
with expenses as (

    select * from {{ ref('int_people__travel_expenses_validated') }}
    where reason_codes is null

),

final as (

    select
        expense_line_key,
        employee_key,
        cost_center_key,
        tenant_id,
        expense_report_id,
        expense_line_number,
        employee_id,
        cost_center_id,
        expense_item,
        merchant_name,
        destination_country_code,
        report_status,
        warning_codes,
        quantity_unit,
        currency_code,
        expense_quantity,
        expense_amount,
        -- The group's rate, as in the other facts, so that amounts compare; Workday's own figure stands beside it.
        amount_gbp_at_rate as expense_amount_gbp,
        expense_amount_gbp as workday_amount_gbp,
        cast({{ dbt.datediff('expense_date', 'approved_date', 'day') }} as integer) as days_to_approve,
        cast({{ dbt.datediff('approved_date', 'payment_date', 'day') }} as integer) as days_to_pay,
        expense_amount < 0 as is_correction,
        report_status in ('approved', 'paid') as is_approved,
        report_status = 'paid' as is_paid,
        report_status = 'cancelled' as is_cancelled,
        expense_date,
        approved_date,
        payment_date,
        row_hash,
        source_ref,
        load_id,
        landed_at
    from expenses

)

select * from final
