{% set inputs = {
    'relationships': 'int_clients__bank_relationship_versions', 'declarations': 'int_clients__bank_declarations',
    'balances': 'int_clients__bank_balance_periods', 'payment_weeks': 'int_clients__bank_payment_weeks',
    'first_weeks': 'int_clients__bank_first_weeks',
} %}
-- Few clients change in a closed week: those whose input did go before the run and come back with all their weeks, the
-- others get the weeks that have closed since.
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key=['client_id', 'bank_group', 'week_number'],
    on_schema_change='fail',
    pre_hook="{{ delete_changed_clients(
        this, ref('int_clients__bank_relationship_versions'), ref('int_clients__bank_declarations'),
        ref('int_clients__bank_balance_periods'), ref('int_clients__bank_payment_weeks')
    ) }}",
) }}

with complete_weeks as (

    select * from {{ ref('int_clients__complete_weeks') }}

),

{% for name, model in inputs.items() %}
all_{{ name }} as (

    select * from {{ ref(model) }}

),

{% endfor %}
last_week as (

    select {{ dbt.dateadd('day', -28, 'max(week_end_date)') }} as week_end_date from complete_weeks

),

closed_weeks as (

    select complete_weeks.*
    from complete_weeks
    inner join last_week on complete_weeks.week_end_date <= last_week.week_end_date

),

{{ partner_bank_input_hashes(
    '(select last_week.week_end_date from last_week)',
    'all_relationships', 'all_declarations', 'all_balances', 'all_payment_weeks'
) }},

{% if is_incremental_run() %}
known_clients as (

    select distinct client_id from {{ this }}

),

{% endif %}
{% set passes = ['new', 'known'] if is_incremental_run() else ['new'] %}
{% for pass in passes %}
weeks_of_{{ pass }}_clients as (

    with weeks as (

        select * from closed_weeks
        {% if pass == 'known' %}
        -- The last week that they have is there to be compared with.
        where week_end_date >= {{ calculated_through(this) }}
        {% endif %}

    ),

    balances as (

        select * from all_balances

    ),

    {% for name in inputs if name != 'balances' %}
    {{ name }} as (

        select all_{{ name }}.*
        from all_{{ name }}
        {% if is_incremental_run() %}
        left join known_clients on all_{{ name }}.client_id = known_clients.client_id
        where known_clients.client_id is {{ 'not null' if pass == 'known' else 'null' }}
        {% endif %}

    ),

    {% endfor %}
    {{ partner_bank_weeks() | indent(4) }}

    select * from partner_bank_weeks

),

{% endfor %}
calculated as (

    {% for pass in passes %}
    select * from weeks_of_{{ pass }}_clients
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

final as (

    select
        calculated.*,
        input_hashes.inputs_hash,
        (select last_week.week_end_date from last_week) as closed_through_date
    from calculated
    left join input_hashes on calculated.client_id = input_hashes.client_id

)

select * from final
