-- Which suppliers keep their word? On time and in full over all months; at least ten measured lines, so that one lucky
-- delivery does not lead the table.
with performance as (

    select * from {{ ref('agg_supplier_performance_monthly') }}

),

suppliers as (

    select * from {{ ref('dim_supplier') }}
    where is_current

),

by_supplier as (

    select
        supplier_key,
        supplier_id,
        sum(measured_line_count) as measured_line_count,
        sum(otif_line_count) as otif_line_count
    from performance
    group by supplier_key, supplier_id
    having sum(measured_line_count) >= 10

),

final as (

    select
        rank() over (order by 1.0 * by_supplier.otif_line_count / by_supplier.measured_line_count desc) as place,
        by_supplier.supplier_id,
        suppliers.supplier_name,
        suppliers.country_name,
        by_supplier.measured_line_count,
        by_supplier.otif_line_count,
        round(100.0 * by_supplier.otif_line_count / by_supplier.measured_line_count, 1) as otif_percent
    from by_supplier
    left join suppliers on by_supplier.supplier_key = suppliers.supplier_key

)

select * from final
order by place, supplier_id
