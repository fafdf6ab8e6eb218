with days as (

    select * from {{ ref('dim_date') }}

),

loads as (

    select * from {{ ref('stg_ops__loads') }}
    where source_name = 'emerald'

),

-- A load that found nothing new leaves no row behind, only its line in the book of loads.
landings as (

    select finished_at as landed_at from loads
    union all
    select max(landed_at) as landed_at from {{ ref('stg_emerald__payments') }}
    union all
    select max(landed_at) as landed_at from {{ ref('stg_emerald__bank_relationships') }}
    union all
    select max(landed_at) as landed_at from {{ ref('stg_emerald__balances') }}
    union all
    select max(landed_at) as landed_at from {{ ref('stg_emerald__clients') }}

),

last_landing as (

    select max(landed_at) as last_landed_at from landings

),

final as (

    select
        -- 1900-01-01 was a Monday.
        cast({{ dbt.datediff("cast('1900-01-01' as date)", 'days.iso_week_start_date', 'day') }} / 7 as integer)
            as week_number,
        cast(days.iso_year as {{ dbt.type_string() }})
        || case when days.iso_week < 10 then '-W0' else '-W' end
        || cast(days.iso_week as {{ dbt.type_string() }}) as iso_week_label,
        days.iso_week_start_date as week_start_date,
        days.date_day as week_end_date,
        coalesce(cast(last_landing.last_landed_at as date) > days.date_day, false) as has_landed,
        last_landing.last_landed_at
    from days
    cross join last_landing
    where days.iso_day_of_week = 7 and days.date_day < {{ as_of_date() }}

)

select * from final
