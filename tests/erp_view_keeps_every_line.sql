{% set views = {
    'int_erp__purchase_lines': {
        'sap': ['stg_sap__purchase_order_items', 'order_quantity', 'ordered_quantity'],
        'oracle': ['stg_oracle__requisition_lines', 'requested_quantity', 'ordered_quantity'],
    },
    'int_erp__invoice_lines': {
        'oracle': ['stg_oracle__ap_invoice_lines', 'line_amount', 'line_amount'],
        'workday': ['stg_workday__travel_expenses', 'expense_amount', 'line_amount'],
    },
    'int_erp__journal_lines': {
        'oracle': ['stg_oracle__gl_journal_lines', 'debit_amount_gbp', 'debit_amount_gbp'],
        'workday': ['stg_workday__journal_lines', 'debit_amount_gbp', 'debit_amount_gbp'],
    },
} %}

with staged as (

    {% for view, systems in views.items() %}
    {% for system, (model, measure, unified_measure) in systems.items() %}
    select
        '{{ view }}' as view_name,
        '{{ system }}' as source_system,
        count(*) as line_count,
        cast(coalesce(sum({{ measure }}), 0) as decimal(28, 4)) as total
    from {{ ref(model) }}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

unified as (

    {% for view, systems in views.items() %}
    select
        '{{ view }}' as view_name,
        source_system,
        count(*) as line_count,
        cast(coalesce(sum({{ (systems.values() | first)[2] }}), 0) as decimal(28, 4)) as total
    from {{ ref(view) }}
    group by source_system
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

)

select
    coalesce(staged.view_name, unified.view_name) as view_name,
    coalesce(staged.source_system, unified.source_system) as source_system,
    staged.line_count as staged_lines,
    unified.line_count as unified_lines,
    staged.total as staged_total,
    unified.total as unified_total
from staged
full outer join unified on staged.view_name = unified.view_name and staged.source_system = unified.source_system
-- A system without lines has no row in the view.
where coalesce(staged.line_count, 0) <> coalesce(unified.line_count, 0)
    or coalesce(staged.total, 0) <> coalesce(unified.total, 0)
