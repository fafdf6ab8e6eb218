{% set staged = {
    'purchase_orders': 'stg_sap__purchase_orders',
    'purchase_order_items': 'stg_sap__purchase_order_items',
    'purchase_order_schedule_lines': 'stg_sap__purchase_order_schedule_lines',
    'goods_receipts': 'stg_sap__goods_receipts',
    'suppliers': 'stg_sap__suppliers',
    'materials': 'stg_sap__materials',
} %}

with counted as (

    {% for dataset, model in staged.items() %}
    select
        '{{ dataset }}' as dataset_name,
        (select count(case when not coalesce(_is_deleted, false) then 1 end) from {{ source('sap', dataset) }})
            as landed_rows,
        (select count(*) from {{ ref(model) }}) as staged_rows
    union all
    {% endfor %}
    -- Plants keep their tombstones as a flag.
    select
        'plants' as dataset_name,
        (select count(*) from {{ source('sap', 'plants') }}) as landed_rows,
        (select count(*) from {{ ref('stg_sap__plants') }}) as staged_rows

)

select * from counted
where landed_rows <> staged_rows
