with tenants as (

    select * from {{ ref('tenants') }}

),

countries as (

    select * from {{ ref('countries') }}

),

final as (

    select
        tenants.tenant_id,
        tenants.tenant_name,
        tenants.country_code,
        countries.country_name,
        countries.un_region,
        tenants.currency_code,
        countries.is_eu_member
    from tenants
    left join countries on tenants.country_code = countries.country_code

)

select * from final
