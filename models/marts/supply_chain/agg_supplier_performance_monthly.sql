with lines as (

    select * from {{ ref('fct_purchase_order_lines') }}
    where not is_deleted

),

current_suppliers as (

    select * from {{ ref('dim_supplier') }}
    where is_current

),

measured as (

    select
        supplier_id,
        -- The month the goods were due, not the month of the order: a late order must not be hidden in an early month.
        cast({{ dbt.date_trunc('month', 'coalesce(scheduled_delivery_date, purchase_order_date)') }} as date)
            as delivery_month,
        days_late,
        -- A line counts once its outcome is known: something arrived, or it is overdue.
        is_on_time is not null as is_measured,
        coalesce(is_on_time, false) as is_on_time,
        is_in_full
    from lines

),

counted as (

    select
        supplier_id,
        delivery_month,
        count(*) as line_count,
        count(case when is_measured then 1 end) as measured_line_count,
        count(case when is_measured and is_on_time then 1 end) as on_time_line_count,
        count(case when is_measured and is_in_full then 1 end) as in_full_line_count,
        count(case when is_measured and is_on_time and is_in_full then 1 end) as otif_line_count,
        avg(case when days_late > 0 then days_late end) as average_days_late
    from measured
    group by supplier_id, delivery_month

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['counted.supplier_id', 'counted.delivery_month']) }}
            as supplier_performance_key,
        coalesce(current_suppliers.supplier_key, {{ unknown_member_key() }}) as supplier_key,
        counted.supplier_id,
        counted.delivery_month,
        counted.line_count,
        counted.measured_line_count,
        counted.on_time_line_count,
        counted.in_full_line_count,
        counted.otif_line_count,
        cast(1.0 * counted.on_time_line_count / nullif(counted.measured_line_count, 0) as decimal(9, 4))
            as on_time_rate,
        cast(1.0 * counted.in_full_line_count / nullif(counted.measured_line_count, 0) as decimal(9, 4))
            as in_full_rate,
        cast(1.0 * counted.otif_line_count / nullif(counted.measured_line_count, 0) as decimal(9, 4))
            as otif_rate,
        cast(counted.average_days_late as decimal(9, 2)) as average_days_late
    from counted
    left join current_suppliers on counted.supplier_id = current_suppliers.supplier_id

)

select * from final
