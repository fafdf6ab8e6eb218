with validated as (

    select * from {{ ref('int_people__travel_expenses_validated') }}

),

final as (

    select
        expense_line_key as quarantine_key,
        'travel_expenses' as entity_name,
        'report ' || expense_report_id || ', line ' || cast(expense_line_number as varchar) as record_key,
        reason_codes,
        severity,
        expense_report_id,
        expense_line_number,
        employee_id,
        cost_center_id,
        company_id,
        expense_item,
        report_status,
        currency_code,
        expense_amount,
        expense_amount_gbp as workday_amount_gbp,
        amount_gbp_at_rate,
        expense_date,
        approved_date,
        payment_date,
        row_hash,
        source_ref,
        load_id,
        landed_at
    from validated
    where reason_codes is not null

)

select * from final
