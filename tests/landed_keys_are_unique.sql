-- Generated from contracts/ by `make contracts`; change the contracts, not this file.
{% set keys = {
    'atom.customers': [
        'customer_id',
    ],
    'atom.order_lines': [
        'order_id', 'line_number',
    ],
    'atom.orders': [
        'order_id',
    ],
    'atom.payments': [
        'payment_id',
    ],
    'atom.products': [
        'product_id',
    ],
    'capacity_plan.capability_mapping': [
        '_source_ref',
    ],
    'capacity_plan.planned_headcount': [
        '_source_ref',
    ],
    'crm.sign_ups': [
        '_source_ref',
    ],
    'customs.cbam_imports': [
        '_source_ref',
    ],
    'dbt_artifacts.freshness': [
        'invocation_id', 'unique_id',
    ],
    'dbt_artifacts.invocations': [
        'invocation_id',
    ],
    'dbt_artifacts.nodes': [
        'invocation_id', 'unique_id',
    ],
    'dbt_artifacts.run_results': [
        'invocation_id', 'unique_id',
    ],
    'emerald.balances': [
        'relationship_id', 'balance_date',
    ],
    'emerald.bank_relationships': [
        'relationship_id',
    ],
    'emerald.clients': [
        'client_id',
    ],
    'emerald.payments': [
        'payment_id',
    ],
    'energy.meter_readings': [
        '_source_ref',
    ],
    'incentive.payouts': [
        'payout_id',
    ],
    'incentive.plans': [
        'plan_id', 'version',
    ],
    'interactions.events': [
        '_source_ref',
    ],
    'oracle.ap_invoice_lines': [
        'invoice_id', 'line_number',
    ],
    'oracle.ap_invoices': [
        'invoice_id',
    ],
    'oracle.gl_accounts': [
        'account',
    ],
    'oracle.gl_journal_lines': [
        'je_header_id', 'je_line_number',
    ],
    'oracle.requisition_lines': [
        'requisition_header_id', 'line_number',
    ],
    'oracle.requisitions': [
        'requisition_header_id',
    ],
    'sap.goods_receipts': [
        'material_document_year', 'material_document', 'material_document_item',
    ],
    'sap.material_stock': [
        'material', 'plant', 'storage_location', 'batch', 'inventory_stock_type', 'inventory_special_stock_type',
    ],
    'sap.materials': [
        'product',
    ],
    'sap.plants': [
        'plant',
    ],
    'sap.purchase_order_items': [
        'purchase_order', 'purchase_order_item',
    ],
    'sap.purchase_order_schedule_lines': [
        'purchasing_document', 'purchasing_document_item', 'schedule_line',
    ],
    'sap.purchase_orders': [
        'purchase_order',
    ],
    'sap.suppliers': [
        'supplier',
    ],
    'scm_legacy.shipments_alpha': [
        '_source_ref',
    ],
    'scm_legacy.shipments_beta': [
        '_source_ref',
    ],
    'scm_legacy.stock_counts': [
        '_source_ref',
    ],
    'workday.journal_lines': [
        'journal_number', 'line_order',
    ],
    'workday.travel_expenses': [
        'expense_report', 'expense_report_line',
    ],
    'workday.workers': [
        'employee_id', 'effective_date',
    ],
} %}

{% for dataset, columns in keys.items() %}
select
    '{{ dataset }}' as dataset_name,
    {% for column in columns %}
    cast({{ column }} as {{ dbt.type_string() }}){% if not loop.last %} || '/' ||{% endif %}
    {% endfor %} as record_key,
    count(*) as landed_rows
from {{ source(dataset.split('.')[0], dataset.split('.')[1]) }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% if not loop.last %}union all{% endif %}
{% endfor %}
