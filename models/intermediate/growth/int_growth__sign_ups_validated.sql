-- A table: quarantine and the events of growth read it, and each rule is to be evaluated once.
{{ config(materialized='table') }}

with all_lines as (

    select * from {{ ref('stg_crm__sign_ups') }}

),

tenants as (

    select * from {{ ref('tenants') }}

),

rates as (

    select * from {{ ref('exchange_rates') }}

),

-- A sign-up stands in the export of its month and again in later ones; the latest file says how it stands.
numbered as (

    select
        all_lines.*,
        row_number() over (
            partition by all_lines.sign_up_id order by all_lines.source_file desc, all_lines.source_line desc
        ) as line_place
    from all_lines

),

latest as (

    select * from numbered
    where line_place = 1

),

joined as (

    select
        latest.*,
        {{ in_gbp('latest.acquisition_cost_amount') }} as acquisition_cost_amount_gbp,
        tenants.tenant_id is not null as has_tenant,
        -- A client that comes back signs up again, but is activated once.
        row_number() over (
            partition by latest.client_id, latest.sign_up_status
            order by latest.activated_at, latest.signed_up_at, latest.sign_up_id
        ) as client_place,
        cast({{ dbt.dateadd('day', 1, as_of_date()) }} as {{ dbt.type_timestamp() }}) as tomorrow_at
    from latest
    left join tenants on latest.tenant_id = tenants.tenant_id
    left join rates on {{ rate_at('latest.currency_code', 'latest.signed_up_at') }}

),

final as (

    {{ evaluate_rules('joined') }}

)

select * from final
