with currencies as (

    select * from {{ ref('currencies') }}

),

rates as (

    select
        currency_code,
        min(valid_from_date) as first_rate_date,
        max(valid_to_date) as rates_end_date,
        count(*) as rate_month_count
    from {{ ref('exchange_rates') }}
    group by currency_code

),

final as (

    select
        currencies.currency_code,
        currencies.currency_name,
        currencies.minor_unit_digits,
        cast(coalesce(rates.rate_month_count, 0) as integer) as rate_month_count,
        rates.currency_code is not null as has_rates,
        rates.first_rate_date,
        rates.rates_end_date
    from currencies
    left join rates on currencies.currency_code = rates.currency_code

)

select * from final
