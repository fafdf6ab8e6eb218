{% set datasets = {
    'atom': ['customers', 'order_lines', 'orders', 'payments', 'products'],
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
    -- Plants keep their tombstones as a flag.
    select
        'sap' as source_name,
        'plants' as dataset_name,
        (select count(*) from {{ source('sap', 'plants') }}) as landed_rows,
        (select count(*) from {{ ref('stg_sap__plants') }}) as staged_rows

)

select * from counted
where landed_rows <> staged_rows
