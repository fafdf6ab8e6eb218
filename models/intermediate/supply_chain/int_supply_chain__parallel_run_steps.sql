{#- Every step that leads from a line as the legacy pipeline added it up to the shipment as it counts now. The values of
    a step are what it adds to shipments, quantity, weight and freight of a month and plant. -#}

{% set measures = ['shipment_count', 'quantity', 'weight', 'freight'] %}

with lines as (

    select * from {{ ref('int_supply_chain__shipments_validated') }}

),

repeats as (

    select * from {{ ref('int_supply_chain__shipment_repeats') }}

),

shipments as (

    select
        shipments.*,
        cast({{ dbt.date_trunc('month', 'shipped_date') }} as date) as shipped_month,
        coalesce(shipments.plant_id, 'unknown') as cell_plant_id,
        coalesce(shipments.weight_kg, 0) as counted_weight,
        coalesce(shipments.freight_amount_gbp, 0) as counted_freight
    from {{ ref('int_supply_chain__shipments') }} as shipments

),

shipments_by_line as (

    {% for side in ['alpha', 'beta'] %}
    select
        shipments.*,
        shipments.{{ side }}_line_key as legacy_line_key
    from shipments
    where shipments.{{ side }}_line_key is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

traced as (

    select
        lines.legacy_system,
        case
            when lines.reason_codes is not null then 'quarantined'
            when repeats.repeat_kind is not null then 'repeated'
            else 'kept'
        end as outcome,
        cast({{ dbt.date_trunc('month', 'lines.shipped_date') }} as date) as shipped_month,
        coalesce(lines.plant_id, 'unknown') as plant_id,
        lines.written_quantity,
        coalesce(lines.written_weight, 0) as written_weight,
        coalesce(lines.freight_amount, 0) as written_freight,
        lines.base_quantity,
        coalesce(lines.weight_kg, 0) as weight_kg,
        coalesce(lines.freight_amount_gbp, 0) as freight_amount_gbp,
        lines.weight_kg is null as is_weight_filled,
        lines.freight_amount_gbp is null as is_freight_filled,
        shipments_by_line.shipped_month as new_month,
        shipments_by_line.cell_plant_id as new_plant_id,
        shipments_by_line.base_quantity as new_quantity,
        shipments_by_line.counted_weight as new_weight,
        shipments_by_line.counted_freight as new_freight
    from lines
    left join repeats on lines.legacy_line_key = repeats.legacy_line_key
    left join shipments_by_line on lines.legacy_line_key = shipments_by_line.legacy_line_key

),

kept as (

    select * from traced
    where outcome = 'kept'

),

-- The other system's date or plant counts: the shipment leaves one cell and enters another.
moved as (

    select * from kept
    where shipped_month <> new_month or plant_id <> new_plant_id

),

steps as (

    {% for step in parallel_run_steps() %}
    select
        legacy_system,
        {{ step.cause }} as cause,
        {%- for measure in measures %}
        {{ step[measure] | default(0) }} as {{ measure }},
        {%- endfor %}
        {{ step.month | default('shipped_month') }} as shipped_month,
        {{ step.plant | default('plant_id') }} as plant_id
    from {{ step.reads }}
    {{ 'where ' ~ step.where if step.where }}
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

-- Both pipelines together, and what each did not know.
final as (

    select * from steps
    union all
    select
        'both' as legacy_system,
        cause,
        {{ measures | join(', ') }},
        shipped_month,
        plant_id
    from steps
    {%- for step in parallel_run_shared_steps() %}
    union all
    select
        {{ step.system }} as legacy_system,
        '{{ step.cause }}' as cause,
        {{ step.sign }}1 as shipment_count,
        {{ step.sign }}base_quantity as quantity,
        {{ step.sign }}counted_weight as weight,
        {{ step.sign }}counted_freight as freight,
        shipped_month,
        cell_plant_id as plant_id
    from shipments
    where {{ step.where }}
    {%- endfor %}

)

select * from final
