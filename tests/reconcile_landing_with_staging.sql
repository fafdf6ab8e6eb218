{% set datasets = {
    'atom': ['products'],
    'capacity_plan': ['capability_mapping', 'planned_headcount'],
    'crm': ['sign_ups'],
    'customs': ['cbam_imports'],
    'dbt_artifacts': ['freshness', 'invocations', 'nodes', 'run_results'],
    'emerald': ['balances', 'bank_relationships', 'clients', 'payments'],
    'energy': ['meter_readings'],
    'incentive': ['payouts', 'plans'],
    'interactions': ['events'],
    'oracle': [
        'ap_invoice_lines', 'ap_invoices', 'gl_accounts', 'gl_journal_lines', 'requisition_lines', 'requisitions',
    ],
    'sap': [
        'goods_receipts', 'material_stock', 'materials', 'purchase_order_items', 'purchase_order_schedule_lines',
        'purchase_orders', 'suppliers',
    ],
    'scm_legacy': ['shipments_alpha', 'shipments_beta', 'stock_counts'],
    'workday': ['journal_lines', 'travel_expenses', 'workers'],
} %}
{% set flagged = [
    ('atom', 'customers'), ('atom', 'order_lines'), ('atom', 'orders'), ('atom', 'payments'), ('sap', 'plants'),
] %}

with counted as (

    {% for source_name, names in datasets.items() %}
    {% for dataset in names %}
    select
        '{{ source_name }}' as source_name,
        '{{ dataset }}' as dataset_name,
        (
            select count(case when not coalesce(_is_deleted, false) then 1 end)
            from {{ source(source_name, dataset) }}
        ) as landed_rows,
        (select count(*) from {{ ref('stg_' ~ source_name ~ '__' ~ dataset) }}) as staged_rows
    union all
    {% endfor %}
    {% endfor %}
    -- These keep their tombstones as a flag.
    {% for source_name, dataset in flagged %}
    select
        '{{ source_name }}' as source_name,
        '{{ dataset }}' as dataset_name,
        (select count(*) from {{ source(source_name, dataset) }}) as landed_rows,
        (select count(*) from {{ ref('stg_' ~ source_name ~ '__' ~ dataset) }}) as staged_rows
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

)

select * from counted
where landed_rows <> staged_rows
