with history as (

    {{ scd2_history(ref('snap_emerald__clients'), 'client_id') }}

),

referenced as (

    select * from {{ ref('int_core__client_references') }}

),

countries as (

    select * from {{ ref('countries') }}

),

members as (

    {{ scd2_members('client_id') }}

),

final as (

    select
        members.member_key as client_key,
        members.client_id,
        history.tenant_id,
        members.version_number,
        case
            when members.is_unknown then 'Unknown client'
            when members.is_inferred then 'Client that has not landed'
            else history.client_name
        end as client_name,
        history.lei,
        history.declared_bank_bic,
        history.client_status,
        history.industry_name,
        history.country_code,
        countries.country_name,
        countries.un_region,
        history.onboarded_date,
        members.is_deleted,
        members.is_inferred,
        members.is_current,
        members.valid_from,
        members.valid_to,
        history.row_hash,
        history.source_ref,
        history.load_id,
        history.landed_at
    from members
    left join history on members.dbt_scd_id = history.dbt_scd_id
    left join countries on history.country_code = countries.country_code

)

select * from final
