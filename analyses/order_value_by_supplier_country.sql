-- Where does the money go? Order value by the supplier's country and currency, deleted lines left out.
with lines as (

    select * from {{ ref('obt_procurement') }}
    where not is_deleted

),

by_country as (

    select
        supplier_country_code,
        supplier_country_name,
        currency_code,
        count(distinct purchase_order_id) as order_count,
        sum(net_amount) as net_amount,
        sum(net_amount_gbp) as net_amount_gbp
    from lines
    group by supplier_country_code, supplier_country_name, currency_code

),

final as (

    select
        supplier_country_code,
        supplier_country_name,
        currency_code,
        order_count,
        net_amount,
        net_amount_gbp,
        -- Shares only within a currency: amounts in two currencies have no common total.
        round(100.0 * net_amount / nullif(sum(net_amount) over (partition by currency_code), 0), 1)
            as percent_of_currency
    from by_country

)

select * from final
order by currency_code asc, net_amount desc
