with invoice_lines as (

    select * from {{ ref('int_procurement__invoice_lines_validated') }}
    where reason_codes is null

),

rates as (

    select * from {{ ref('exchange_rates') }}

),

paid as (

    select
        *,
        -- Oracle pays invoices, not lines: a part payment is spread over the lines in proportion. Through a float on
        -- purpose, as decimals of this size cannot be multiplied and divided in full.
        case
            when is_cancelled or coalesce(invoice_paid_amount, 0) = 0 then cast(0 as decimal(18, 4))
            when invoice_paid_amount = invoice_amount then line_amount
            else cast(
                    line_amount * (cast(invoice_paid_amount as double) / nullif(cast(invoice_amount as double), 0))
                    as decimal(18, 4)
                )
        end as paid_amount,
        {{ dbt.datediff('invoice_date', 'payment_date', 'day') }} as days_to_pay,
        {{ dbt.datediff('due_date', 'payment_date', 'day') }} as days_paid_late
    from invoice_lines

),

final as (

    select
        paid.*,
        -- At the rate of the invoice, so that what is paid and what is billed can be compared.
        {{ in_gbp('paid.paid_amount') }} as paid_amount_gbp
    from paid
    left join rates on {{ rate_at('paid.currency_code', 'paid.invoice_date') }}

)

select * from final
