-- Legacy totals straight from staging and new totals straight from the fact, against what the parallel run says.
with report as (

    select
        legacy_system,
        measure_name,
        cast(sum(legacy_total) as decimal(18, 4)) as legacy_total,
        cast(sum(new_total) as decimal(18, 4)) as new_total,
        cast(sum(abs(unexplained_difference)) as decimal(18, 4)) as unexplained
    from {{ ref('rpt_scm_parallel_run') }}
    group by legacy_system, measure_name

),

alpha as (

    select
        'alpha' as legacy_system,
        count(*) as shipments,
        cast(sum(shipped_quantity) as decimal(18, 4)) as quantity,
        cast(sum(weight_kg) as decimal(18, 4)) as weight,
        cast(sum(freight_amount) as decimal(18, 4)) as freight
    from {{ ref('stg_scm_legacy__shipments_alpha') }}

),

beta as (

    select
        'beta' as legacy_system,
        count(*) as shipments,
        cast(sum(shipped_quantity) as decimal(18, 4)) as quantity,
        cast(sum(weight_lb) as decimal(18, 4)) as weight,
        cast(sum(freight_amount) as decimal(18, 4)) as freight
    from {{ ref('stg_scm_legacy__shipments_beta') }}

),

merged as (

    select
        count(*) as shipments,
        cast(sum(shipped_quantity) as decimal(18, 4)) as quantity,
        cast(sum(weight_kg) as decimal(18, 4)) as weight,
        cast(sum(freight_amount_gbp) as decimal(18, 4)) as freight
    from {{ ref('fct_shipments') }}

),

-- Cast, because measures of three and of four decimals would be rounded to three where they are put together.
expected as (

    {% for measure in ['shipments', 'quantity', 'weight', 'freight'] %}
    {% for legacy in ['alpha', 'beta'] %}
    select
        '{{ legacy }}' as legacy_system,
        '{{ measure }}' as measure_name,
        cast(coalesce({{ legacy }}.{{ measure }}, 0) as decimal(18, 4)) as legacy_total,
        cast(coalesce(merged.{{ measure }}, 0) as decimal(18, 4)) as new_total
    from {{ legacy }}
    cross join merged
    union all
    {% endfor %}
    select
        'both' as legacy_system,
        '{{ measure }}' as measure_name,
        cast(coalesce(alpha.{{ measure }}, 0) + coalesce(beta.{{ measure }}, 0) as decimal(18, 4)) as legacy_total,
        cast(coalesce(merged.{{ measure }}, 0) as decimal(18, 4)) as new_total
    from alpha
    cross join beta
    cross join merged
    {% if not loop.last %}union all{% endif %}
    {% endfor %}

),

final as (

    select
        expected.legacy_system,
        expected.measure_name,
        expected.legacy_total as landed_total,
        report.legacy_total as reported_total,
        expected.new_total as merged_total,
        report.new_total as reported_new_total,
        report.unexplained
    from expected
    left join report
        on expected.legacy_system = report.legacy_system and expected.measure_name = report.measure_name
    where coalesce(report.legacy_total, 0) <> expected.legacy_total
        or coalesce(report.new_total, 0) <> expected.new_total
        or coalesce(report.unexplained, 0) <> 0

)

select * from final
