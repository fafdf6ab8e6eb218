{% set measures = {'shipments': 'shipment_count', 'quantity': 'quantity', 'weight': 'weight', 'freight': 'freight'} %}
{% set causes = [
    'quarantined', 'repeated', 'unit_conversion', 'currency_conversion', 'conflict_resolved', 'known_to_other_system',
    'moved', 'duplicate', 'shipment_of_other_system',
] %}
{#- What is counted: the pipeline, the total or step it goes to, and where it stands. -#}
{% set entries = [
    ('legacy_system', "'legacy'", 'legacy'),
    ("'both'", "'legacy'", 'legacy'),
    ('legacy_system', "'new'", 'new'),
    ('legacy_system', 'cause', 'steps'),
] %}

with legacy_lines as (

    select * from {{ ref('int_supply_chain__legacy_lines') }}

),

steps as (

    select * from {{ ref('int_supply_chain__parallel_run_steps') }}

),

shipments as (

    select * from {{ ref('fct_shipments') }}

),

-- What the legacy pipelines report: every line as written. Tonnes and kilograms are added as if they were the same.
legacy as (

    select
        legacy_system,
        cast({{ dbt.date_trunc('month', 'shipped_date') }} as date) as shipped_month,
        coalesce(plant_id, 'unknown') as plant_id,
        1 as shipment_count,
        written_quantity as quantity,
        coalesce(written_weight, 0) as weight,
        coalesce(freight_amount, 0) as freight
    from legacy_lines

),

systems as (

    select 'alpha' as legacy_system
    union all
    select 'beta' as legacy_system
    union all
    select 'both' as legacy_system

),

-- What the fact reports, beside each of the three.
new as (

    select
        systems.legacy_system,
        cast({{ dbt.date_trunc('month', 'shipments.shipped_date') }} as date) as shipped_month,
        coalesce(shipments.plant_id, 'unknown') as plant_id,
        1 as shipment_count,
        shipments.shipped_quantity as quantity,
        coalesce(shipments.weight_kg, 0) as weight,
        coalesce(shipments.freight_amount_gbp, 0) as freight
    from shipments
    cross join systems

),

entries as (

    {% for measure, column in measures.items() %}
    {% for system, entry, reads in entries %}
    select
        {{ system }} as legacy_system,
        '{{ measure }}' as measure_name,
        {{ entry }} as entry,
        shipped_month,
        plant_id,
        cast({{ column }} as decimal(18, 4)) as amount
    from {{ reads }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

added as (

    select
        {%- for entry in ['legacy', 'new'] + causes %}
        cast(coalesce(sum(case when entry = '{{ entry }}' then amount end), 0) as decimal(18, 4)) as {{ entry }}_total,
        {%- endfor %}
        legacy_system,
        measure_name,
        shipped_month,
        plant_id
    from entries
    group by legacy_system, measure_name, shipped_month, plant_id

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['legacy_system', 'measure_name', 'shipped_month', 'plant_id']) }}
            as parallel_run_key,
        legacy_system,
        plant_id,
        measure_name,
        legacy_total,
        {%- for cause in causes %}
        {{ cause }}_total,
        {%- endfor %}
        new_total,
        cast(
            new_total - legacy_total
            {%- for cause in causes %} - {{ cause }}_total{% endfor %} as decimal(18, 4)
        ) as unexplained_difference,
        shipped_month
    from added

)

select * from final
