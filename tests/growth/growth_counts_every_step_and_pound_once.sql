-- From the judged sign-ups and the lines' profits to the days and on to the quarters; a row when a total differs.
with sign_ups as (

    select
        count(*) as sign_up_count,
        count(case when sign_up_status = 'activated' then 1 end) as activation_count
    from {{ ref('int_growth__sign_ups_validated') }}
    where reason_codes is null

),

profits as (

    select cast(coalesce(sum(revenue_amount_gbp), 0) as decimal(18, 4)) as revenue_amount_gbp
    from {{ ref('fct_unit_profit') }}

),

growth_days as (

    select
        coalesce(sum(sign_up_count), 0) as sign_up_count,
        coalesce(sum(activation_count), 0) as activation_count,
        cast(coalesce(sum(revenue_amount_gbp), 0) as decimal(18, 4)) as revenue_amount_gbp
    from {{ ref('fct_growth_daily') }}

),

growth_quarters as (

    select
        coalesce(sum(sign_up_count), 0) as sign_up_count,
        coalesce(sum(activation_count), 0) as activation_count,
        cast(coalesce(sum(revenue_amount_gbp), 0) as decimal(18, 4)) as revenue_amount_gbp
    from {{ ref('agg_growth_quarterly') }}

),

compared as (

    select
        sign_ups.sign_up_count as judged_sign_ups,
        growth_days.sign_up_count as sign_ups_of_days,
        growth_quarters.sign_up_count as sign_ups_of_quarters,
        sign_ups.activation_count as judged_activations,
        growth_days.activation_count as activations_of_days,
        growth_quarters.activation_count as activations_of_quarters,
        profits.revenue_amount_gbp as revenue_of_lines,
        growth_days.revenue_amount_gbp as revenue_of_days,
        growth_quarters.revenue_amount_gbp as revenue_of_quarters
    from sign_ups
    cross join profits
    cross join growth_days
    cross join growth_quarters

)

select * from compared
where judged_sign_ups <> sign_ups_of_days or judged_sign_ups <> sign_ups_of_quarters
    or judged_activations <> activations_of_days or judged_activations <> activations_of_quarters
    or revenue_of_lines <> revenue_of_days or revenue_of_lines <> revenue_of_quarters
