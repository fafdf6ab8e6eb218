{{ config(materialized='table') }}

-- The three balances before: one spike among them does not make the next one look small.
{% set earlier_ones = 'partition by relationship_id order by balance_date rows between 3 preceding and 1 preceding' %}

with balances as (

    select * from {{ ref('stg_emerald__balances') }}

),

relationships as (

    select * from {{ ref('int_clients__bank_relationships_validated') }}

),

rates as (

    select * from {{ ref('exchange_rates') }}

),

in_pounds as (

    select
        balances.*,
        {{ in_gbp('balances.balance_amount') }} as balance_amount_gbp,
        relationships.client_id,
        relationships.bank_bic,
        relationships.bank_product,
        relationships.started_date,
        relationships.ended_date,
        relationships.relationship_id is not null as has_relationship,
        coalesce(relationships.relationship_id is not null and relationships.reason_codes is null, false)
            as has_good_relationship,
        {{ as_of_date() }} as judged_date
    from balances
    left join relationships on balances.relationship_id = relationships.relationship_id
    left join rates on {{ rate_at('balances.currency_code', 'balances.balance_date') }}

),

checked as (

    select
        in_pounds.*,
        -- Not avg: over decimals it may come out as floating point, which rounds otherwise on each warehouse.
        cast(
            cast(sum(abs(in_pounds.balance_amount_gbp)) over ({{ earlier_ones }}) as decimal(24, 4))
            / nullif(count(in_pounds.balance_amount_gbp) over ({{ earlier_ones }}), 0) as decimal(18, 4)
        ) as usual_amount_gbp
    from in_pounds

),

final as (

    {{ evaluate_rules('checked') }}

)

select * from final
