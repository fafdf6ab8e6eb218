{{ config(materialized='table') }}

with clients as (

    select * from {{ ref('stg_emerald__clients') }}

),

countries as (

    select * from {{ ref('countries') }}

),

tenants as (

    select * from {{ ref('tenants') }}

),

checked as (

    select
        clients.*,
        countries.country_name,
        bank_countries.country_name as declared_bank_country_name,
        tenants.tenant_name,
        -- An identifier belongs to one legal entity: who was onboarded first keeps it.
        row_number() over (
            partition by clients.lei
            order by coalesce(clients.onboarded_date, cast('9999-12-31' as date)), clients.client_id
        ) as lei_holder_number,
        clients.lei is null or {{ lei_is_valid('clients.lei') }} as has_possible_lei,
        clients.declared_bank_bic is null
        or {{ bic_is_live('clients.declared_bank_bic') }} as has_possible_declared_bank,
        {{ as_of_date() }} as judged_date
    from clients
    left join countries on clients.country_code = countries.country_code
    left join countries as bank_countries
        on {{ bic_country('clients.declared_bank_bic') }} = bank_countries.country_code
    left join tenants on clients.tenant_id = tenants.tenant_id

),

final as (

    {{ evaluate_rules('checked') }}

)

select * from final
