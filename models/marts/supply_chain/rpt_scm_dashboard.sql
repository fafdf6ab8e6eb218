{#- Each level sums the same rows: by plant, by supplier, and all together under the member "all". -#}
{% set levels = {
    'all': "'all'",
    'plant': "coalesce(plant_id, 'unknown')",
    'supplier': "coalesce(supplier_id, 'unknown')",
} %}

with shipments as (

    select * from {{ ref('fct_shipments') }}
    where shipment_status <> 'cancelled'

),

order_lines as (

    select * from {{ ref('agg_supplier_performance_monthly') }}

),

stock as (

    select * from {{ ref('agg_stock_monthly') }}

),

plants as (

    select * from {{ ref('dim_plant') }}

),

suppliers as (

    select * from {{ ref('dim_supplier_current') }}

),

shipments_by_member as (

    {% for level, member in levels.items() %}
    select
        '{{ level }}' as dashboard_level,
        {{ member }} as member_id,
        cast({{ dbt.date_trunc('month', 'shipped_date') }} as date) as month_start_date,
        count(*) as shipment_count,
        count(case when has_conflict then 1 end) as conflict_count,
        count(is_on_time) as measured_shipment_count,
        count(case when is_on_time then 1 end) as on_time_shipment_count,
        sum(weight_kg) as weight_kg,
        sum(freight_amount_gbp) as freight_amount_gbp,
        -- Only shipments with both, so that an unweighed one does not make the kilogram dear.
        sum(case when weight_kg > 0 then freight_amount_gbp end) as weighed_freight_amount_gbp,
        sum(case when freight_amount_gbp is not null then weight_kg end) as charged_weight_kg,
        avg(days_in_transit) as average_days_in_transit
    from shipments
    group by dashboard_level, member_id, month_start_date
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

-- Suppliers' reliability is not kept by plant.
order_lines_by_member as (

    {% for level in ['all', 'supplier'] %}
    select
        '{{ level }}' as dashboard_level,
        {{ levels[level] }} as member_id,
        delivery_month as month_start_date,
        sum(measured_line_count) as measured_line_count,
        sum(otif_line_count) as otif_line_count
    from order_lines
    group by dashboard_level, member_id, month_start_date
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

-- Nor is stock by supplier.
stock_by_member as (

    {% for level in ['all', 'plant'] %}
    select
        '{{ level }}' as dashboard_level,
        {{ levels[level] }} as member_id,
        month_start_date,
        sum(stock_weight_kg) as stock_weight_kg,
        sum(stock_day_count) as stock_day_count,
        sum(stockout_day_count) as stockout_day_count,
        sum(compared_count_count) as compared_count_count,
        sum(accurate_count_count) as accurate_count_count
    from stock
    group by dashboard_level, member_id, month_start_date
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

cells as (

    {% for counted in ['shipments_by_member', 'order_lines_by_member', 'stock_by_member'] %}
    select
        dashboard_level,
        member_id,
        month_start_date
    from {{ counted }}
    {% if not loop.last %}union{% endif %}
    {% endfor %}

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['cells.dashboard_level', 'cells.member_id', 'cells.month_start_date']) }}
            as dashboard_key,
        cells.dashboard_level,
        cells.member_id,
        coalesce(plants.plant_name, suppliers.supplier_name, cells.member_id) as member_name,
        cast(coalesce(sent.shipment_count, 0) as bigint) as shipment_count,
        cast(coalesce(sent.conflict_count, 0) as bigint) as conflict_count,
        cast(coalesce(sent.measured_shipment_count, 0) as bigint) as measured_shipment_count,
        {{ share_of('sent.on_time_shipment_count', 'sent.measured_shipment_count') }} as on_time_share,
        cast(sent.weight_kg as decimal(18, 3)) as weight_kg,
        cast(sent.freight_amount_gbp as decimal(18, 4)) as freight_amount_gbp,
        {{ share_of('sent.weighed_freight_amount_gbp', 'sent.charged_weight_kg') }} as freight_per_kg_amount_gbp,
        cast(sent.average_days_in_transit as decimal(9, 2)) as average_days_in_transit,
        cast(coalesce(ordered.measured_line_count, 0) as bigint) as measured_line_count,
        {{ share_of('ordered.otif_line_count', 'ordered.measured_line_count') }} as otif_share,
        cast(held.stock_weight_kg as decimal(18, 3)) as stock_weight_kg,
        {{ share_of('held.stockout_day_count', 'held.stock_day_count') }} as stockout_share,
        cast(coalesce(held.compared_count_count, 0) as bigint) as compared_count_count,
        {{ share_of('held.accurate_count_count', 'held.compared_count_count') }} as count_accuracy_share,
        cells.month_start_date
    from cells
    {% for name, relation in [
        ('sent', 'shipments_by_member'), ('ordered', 'order_lines_by_member'), ('held', 'stock_by_member'),
    ] %}
    left join {{ relation }} as {{ name }}
        on cells.dashboard_level = {{ name }}.dashboard_level
        and cells.member_id = {{ name }}.member_id
        and cells.month_start_date = {{ name }}.month_start_date
    {% endfor %}
    left join plants on cells.dashboard_level = 'plant' and cells.member_id = plants.plant_id
    left join suppliers on cells.dashboard_level = 'supplier' and cells.member_id = suppliers.supplier_id

)

select * from final
