{% set compared = bank_indicator_columns() %}

with stored as (

    select * from {{ ref('fct_partner_bank_indicators_weekly') }}
    where week_end_date <= {{ last_closed_week_end(ref('fct_partner_bank_indicators_weekly')) }}

),

relationships as (

    select * from {{ ref('int_clients__bank_relationship_versions') }}

),

declarations as (

    select * from {{ ref('int_clients__bank_declarations') }}

),

balances as (

    select * from {{ ref('int_clients__bank_balance_periods') }}

),

payment_weeks as (

    select * from {{ ref('int_clients__bank_payment_weeks') }}

),

first_weeks as (

    select * from {{ ref('int_clients__bank_first_weeks') }}

),

weeks as (

    select * from {{ ref('int_clients__complete_weeks') }}
    where week_end_date <= {{ last_closed_week_end(ref('fct_partner_bank_indicators_weekly')) }}

),

{{ partner_bank_weeks() }},

changed as (

    select
        coalesce(stored.client_id, recalculated.client_id) as client_id,
        coalesce(stored.bank_group, recalculated.bank_group) as bank_group,
        coalesce(stored.week_end_date, recalculated.week_end_date) as week_end_date,
        case
            when stored.client_id is null then 'added'
            when recalculated.client_id is null then 'removed'
            else 'changed'
        end as restatement_kind,
        {%- for column in compared %}
        stored.{{ column }} as stored_{{ column }},
        recalculated.{{ column }} as restated_{{ column }},
        {%- endfor %}
        trim(
            {%- for column in compared %}
            case when stored.{{ column }} is distinct from recalculated.{{ column }} then '{{ column }} ' else '' end
            {{- ' ||' if not loop.last }}
            {%- endfor %}
        ) as changed_columns,
        stored.calculated_at as closed_at
    from stored
    full outer join partner_bank_weeks as recalculated
        on stored.client_id = recalculated.client_id
        and stored.bank_group = recalculated.bank_group
        and stored.week_end_date = recalculated.week_end_date

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['changed.client_id', 'changed.bank_group', 'changed.week_end_date']) }}
            as partner_bank_week_key,
        changed.client_id,
        changed.bank_group,
        weeks.iso_week_label,
        changed.restatement_kind,
        changed.changed_columns,
        changed.stored_evidence,
        changed.restated_evidence,
        changed.stored_status_change,
        changed.restated_status_change,
        changed.stored_product_count,
        changed.restated_product_count,
        changed.stored_balance_gbp,
        changed.restated_balance_gbp,
        changed.stored_payment_count_13w,
        changed.restated_payment_count_13w,
        changed.stored_payment_amount_13w_gbp,
        changed.restated_payment_amount_13w_gbp,
        changed.stored_wallet_share_13w,
        changed.restated_wallet_share_13w,
        changed.stored_is_at_risk,
        changed.restated_is_at_risk,
        changed.week_end_date,
        changed.closed_at
    from changed
    inner join weeks on changed.week_end_date = weeks.week_end_date
    -- Never empty where one of the two is missing: is_partner_client is there on the other side.
    where changed.changed_columns <> ''

)

select * from final
