with countries as (

    select * from {{ ref('countries') }}

),

final as (

    select
        country_code,
        country_code_alpha3,
        country_name,
        un_region,
        un_sub_region,
        is_eu_member
    from countries

)

select * from final
