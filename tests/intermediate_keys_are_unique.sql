{% set keys = {
    'int_finance__capability_shares': ['month_start_date', 'cost_center_id', 'job_profile_code', 'capability_code'],
    'int_finance__capacity_plan_lines': ['month_start_date', 'cost_center_id', 'capability_code'],
    'int_people__cost_centers': ['cost_center_id'],
    'int_procurement__invoices_by_line': ['purchase_order_line_key'],
    'int_procurement__purchase_order_lines': ['purchase_order_line_key'],
    'int_procurement__requisitions_by_line': ['purchase_order_line_key'],
    'int_procurement__schedules_by_line': ['purchase_order_line_key'],
    'int_procurement__supplier_invoices': ['invoice_id'],
    'int_supply_chain__order_plants': ['plant_id'],
    'int_supply_chain__shipment_candidates': ['alpha_line_key', 'beta_line_key'],
    'int_supply_chain__shipments': ['shipment_key'],
} %}

{% for model, columns in keys.items() %}
select
    '{{ model }}' as model_name,
    {% for column in columns %}
    cast({{ column }} as {{ dbt.type_string() }}){% if not loop.last %} || '/' ||{% endif %}
    {% endfor %} as record_key,
    count(*) as row_count
from {{ ref(model) }}
group by {{ columns | join(', ') }}
having count(*) > 1 or {{ columns | join(' is null or ') }} is null
{% if not loop.last %}union all{% endif %}
{% endfor %}
