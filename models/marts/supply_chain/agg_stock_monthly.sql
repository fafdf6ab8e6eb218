with stock as (

    select * from {{ ref('fct_stock_daily') }}

),

materials as (

    select * from {{ ref('dim_material') }}

),

units as (

    select * from {{ ref('quantity_units') }}

),

weighed as (

    select
        stock.*,
        cast({{ dbt.date_trunc('month', 'stock.date_day') }} as date) as month_start_date,
        -- Stock counted by weight weighs what it says, pieces weigh their net weight.
        case
            when units.dimension = 'mass' then stock.stock_quantity * units.factor_to_base
            else stock.stock_quantity * materials.net_weight * weight_units.factor_to_base
        end as stock_weight_kg
    from stock
    left join materials on stock.material_key = materials.material_key
    left join units on upper(stock.quantity_unit) = units.unit_code
    left join units as weight_units on upper(materials.weight_unit) = weight_units.unit_code

),

-- Of the running month the run's own day.
last_days as (

    select
        month_start_date,
        max(date_day) as last_day
    from weighed
    group by month_start_date

),

final as (

    select
        {{ dbt_utils.generate_surrogate_key(['weighed.plant_id', 'weighed.month_start_date']) }} as stock_month_key,
        min(weighed.plant_key) as plant_key,
        min(weighed.tenant_id) as tenant_id,
        weighed.plant_id,
        cast(sum(case when weighed.date_day = last_days.last_day then weighed.stock_weight_kg end) as decimal(18, 3))
            as stock_weight_kg,
        count(*) as stock_day_count,
        count(case when weighed.stock_quantity <= 0 then 1 end) as stockout_day_count,
        count(weighed.counted_quantity) as count_count,
        count(weighed.count_difference_quantity) as compared_count_count,
        -- Within 2 % of the books; both nothing is right, too.
        count(
            case
                when abs(weighed.count_difference_quantity)
                    <= 0.02 * abs(weighed.counted_quantity - weighed.count_difference_quantity) then 1
            end
        ) as accurate_count_count,
        weighed.month_start_date
    from weighed
    inner join last_days on weighed.month_start_date = last_days.month_start_date
    group by weighed.plant_id, weighed.month_start_date

)

select * from final
