{{ config(materialized='view') }}

with versions as (

    select * from {{ ref('dim_client') }}

),

final as (

    select
        client_key,
        client_id,
        tenant_id,
        client_name,
        lei,
        declared_bank_bic,
        client_status,
        industry_name,
        country_code,
        country_name,
        un_region,
        onboarded_date,
        is_deleted,
        is_inferred,
        valid_from,
        row_hash,
        source_ref,
        load_id,
        landed_at
    from versions
    where is_current

)

select * from final
