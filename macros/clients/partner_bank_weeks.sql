{# The partner-bank indicators of the weeks in CTE `weeks` (week_number, week_end_date), as CTEs; the last, partner_bank_weeks, has a row
   for each client, bank group and week worth a row. The first week of `weeks` only serves as the week before: leave it out.
   Reads the CTEs relationships, declarations, balances, payment_weeks and first_weeks. A macro, because the indicators
   calculate the open weeks with it and the restatements the closed ones. Depends on nothing but its input, so that a week
   comes out the same whichever weeks are calculated beside it. #}
{% macro partner_bank_weeks() -%}
relationship_weeks as (

    select
        relationships.relationship_id,
        relationships.client_id,
        relationships.bank_group,
        relationships.bank_product,
        relationships.started_date,
        weeks.week_number,
        weeks.week_end_date
    from relationships
    inner join weeks on weeks.week_end_date between relationships.active_from_date and relationships.active_to_date

),

related as (

    select
        relationship_weeks.client_id,
        relationship_weeks.bank_group,
        relationship_weeks.week_number,
        min(relationship_weeks.started_date) as relationship_started_date,
        count(distinct relationship_weeks.bank_product) as product_count,
        cast(sum(balances.balance_amount_gbp) as decimal(18, 4)) as balance_gbp
    from relationship_weeks
    left join balances
        on relationship_weeks.relationship_id = balances.relationship_id
        and balances.valid_from_date <= relationship_weeks.week_end_date
        and balances.valid_to_date > relationship_weeks.week_end_date
    group by relationship_weeks.client_id, relationship_weeks.bank_group, relationship_weeks.week_number

),

declared as (

    select distinct
        declarations.client_id,
        declarations.bank_group,
        weeks.week_number
    from declarations
    inner join weeks on weeks.week_end_date between declarations.declared_from_date and declarations.declared_to_date

),

-- Thirteen weeks, the thirteen before them, the last four (28 days), and the thirteen before those.
paid as (

    select
        payment_weeks.client_id,
        payment_weeks.bank_group,
        weeks.week_number,
        sum(case when weeks.week_number - payment_weeks.week_number <= 12 then payment_weeks.payment_count else 0 end)
            as payment_count_13w,
        cast(sum(
            case when weeks.week_number - payment_weeks.week_number <= 12 then payment_weeks.payment_amount_gbp else 0 end
        ) as decimal(18, 4)) as payment_amount_13w_gbp,
        cast(sum(
            case when weeks.week_number - payment_weeks.week_number >= 13 then payment_weeks.payment_amount_gbp else 0 end
        ) as decimal(18, 4)) as earlier_amount_gbp,
        sum(case when weeks.week_number - payment_weeks.week_number <= 3 then payment_weeks.payment_count else 0 end)
            as payment_count_4w,
        sum(
            case
                when weeks.week_number - payment_weeks.week_number between 4 and 16 then payment_weeks.payment_count
                else 0
            end
        ) as payment_count_before_4w
    from payment_weeks
    inner join weeks on payment_weeks.week_number between weeks.week_number - 25 and weeks.week_number
    group by payment_weeks.client_id, payment_weeks.bank_group, weeks.week_number

),

-- What the client paid through all banks, those without a group among them.
wallets as (

    select
        client_id,
        week_number,
        cast(sum(payment_amount_13w_gbp) as decimal(18, 4)) as wallet_gbp,
        cast(sum(earlier_amount_gbp) as decimal(18, 4)) as earlier_wallet_gbp
    from paid
    group by client_id, week_number

),

found as (

    select client_id, bank_group, week_number from related
    union
    select client_id, bank_group, week_number from declared
    union
    select client_id, bank_group, week_number from paid
    where payment_count_13w > 0

),

-- Each pair has a place in the week after as well: there it may be lost.
pairs as (

    select client_id, bank_group, week_number from found
    union
    select found.client_id, found.bank_group, weeks.week_number
    from found
    inner join weeks on found.week_number + 1 = weeks.week_number

),

gathered as (

    select
        pairs.client_id,
        pairs.bank_group,
        pairs.week_number,
        weeks.week_end_date,
        case
            when related.client_id is not null then 'relationship'
            when paid.payment_count_13w >= 2 then 'payment'
            when declared.client_id is not null then 'declared'
        end as evidence,
        related.relationship_started_date,
        coalesce(related.product_count, 0) as product_count,
        related.balance_gbp,
        coalesce(paid.payment_count_13w, 0) as payment_count_13w,
        coalesce(paid.payment_amount_13w_gbp, 0) as payment_amount_13w_gbp,
        coalesce(paid.earlier_amount_gbp, 0) as earlier_amount_gbp,
        coalesce(paid.payment_count_4w, 0) as payment_count_4w,
        coalesce(paid.payment_count_before_4w, 0) as payment_count_before_4w,
        wallets.wallet_gbp,
        wallets.earlier_wallet_gbp
    from pairs
    inner join weeks on pairs.week_number = weeks.week_number
    left join related
        on pairs.client_id = related.client_id
        and pairs.bank_group = related.bank_group
        and pairs.week_number = related.week_number
    left join declared
        on pairs.client_id = declared.client_id
        and pairs.bank_group = declared.bank_group
        and pairs.week_number = declared.week_number
    left join paid
        on pairs.client_id = paid.client_id
        and pairs.bank_group = paid.bank_group
        and pairs.week_number = paid.week_number
    left join wallets on pairs.client_id = wallets.client_id and pairs.week_number = wallets.week_number

),

compared as (

    select
        gathered.*,
        -- The row before is the week before, if it is there at all.
        coalesce(
            lag(gathered.week_number) over (
                partition by gathered.client_id, gathered.bank_group order by gathered.week_number
            ) = gathered.week_number - 1
            and lag(gathered.evidence) over (
                partition by gathered.client_id, gathered.bank_group order by gathered.week_number
            ) is not null,
            false
        ) as was_partner_client,
        {{ share_of_wallet('gathered.payment_amount_13w_gbp', 'gathered.wallet_gbp') }} as wallet_share_13w,
        {{ share_of_wallet('gathered.earlier_amount_gbp', 'gathered.earlier_wallet_gbp') }} as earlier_wallet_share
    from gathered

),

judged as (

    select
        compared.*,
        case
            when compared.evidence is not null and compared.was_partner_client then 'retained'
            when compared.evidence is not null and first_weeks.first_week_number < compared.week_number
                then 'reactivated'
            when compared.evidence is not null then 'new'
            when compared.was_partner_client then 'lost'
            else 'none'
        end as status_change,
        -- Multiplied out, so that 30 percent is 30 percent and not what rounded shares make of it.
        coalesce(
            compared.earlier_amount_gbp > 0
            and 10 * {{ exact_units('compared.payment_amount_13w_gbp') }}
            * {{ exact_units('compared.earlier_wallet_gbp') }}
            <= 7 * {{ exact_units('compared.earlier_amount_gbp') }}
            * {{ exact_units('compared.wallet_gbp') }}
            and compared.wallet_gbp > 0,
            false
        ) as has_lost_share,
        compared.payment_count_4w = 0 and compared.payment_count_before_4w >= 4 as has_fallen_silent
    from compared
    left join first_weeks
        on compared.client_id = first_weeks.client_id and compared.bank_group = first_weeks.bank_group

),

partner_bank_weeks as (

    select
        client_id,
        bank_group,
        week_number,
        evidence,
        cast(case evidence when 'relationship' then 1.0 when 'payment' then 0.8 when 'declared' then 0.5 end as decimal(2, 1))
            as confidence,
        status_change,
        cast({{ dbt.datediff('relationship_started_date', 'week_end_date', 'day') }} as integer) as tenure_days,
        cast(product_count as integer) as product_count,
        balance_gbp,
        case
            when balance_gbp < 0 then 'overdrawn'
            when balance_gbp < 10000 then 'below 10k'
            when balance_gbp < 100000 then '10k to 100k'
            when balance_gbp < 1000000 then '100k to 1m'
            when balance_gbp >= 1000000 then '1m and more'
        end as balance_band,
        cast(payment_count_13w as integer) as payment_count_13w,
        cast(payment_amount_13w_gbp as decimal(18, 4)) as payment_amount_13w_gbp,
        wallet_share_13w,
        cast(wallet_share_13w - earlier_wallet_share as decimal(7, 6)) as wallet_share_change,
        evidence is not null as is_partner_client,
        status_change = 'retained' and (has_lost_share or has_fallen_silent) as is_at_risk,
        week_end_date
    from judged
    where (evidence is not null or was_partner_client or payment_count_13w > 0)
        and week_number > (select min(weeks.week_number) from weeks)

)
{%- endmacro %}

{# A part of a wallet with six decimals, halves up; null without a wallet. In whole numbers, because DuckDB divides
   decimals as floating point. #}
{% macro share_of_wallet(part, whole) -%}
    {%- set millionths = whole_share('1000000', whole_units(part), 'nullif(' ~ whole_units(whole) ~ ', 0)') -%}
    cast(cast({{ millionths }} as decimal(7, 0)) * cast(0.000001 as decimal(7, 6)) as decimal(7, 6))
{%- endmacro %}

{# An amount in its smallest unit as a decimal of 38 digits, which holds the product of two amounts below a million million
   pounds and a number of two digits. Of 18 digits, DuckDB would keep the product in 18 as well. #}
{% macro exact_units(amount) -%}
    cast({{ whole_units(amount) }} as decimal(38, 0))
{%- endmacro %}
