-- A table, so that each rule is evaluated once a row and not by each reader.
{{ config(materialized='table') }}

with requisitions as (

    select * from {{ ref('stg_oracle__requisitions') }}

),

requisition_lines as (

    select * from {{ ref('stg_oracle__requisition_lines') }}

),

tenants as (

    select * from {{ ref('tenants') }}

),

rates as (

    select * from {{ ref('exchange_rates') }}

),

valued as (

    select
        requisition_lines.*,
        requisitions.requisition_id is not null as has_requisition,
        requisitions.requisition_number,
        requisitions.preparer_id,
        requisitions.business_unit,
        requisitions.requisition_status,
        requisitions.submitted_at,
        requisitions.approved_at,
        requisitions.created_at,
        cast(coalesce(requisitions.submitted_at, requisitions.created_at) as date) as requested_date,
        coalesce(requisitions.landed_at, requisition_lines.landed_at) as requisition_landed_at,
        cast(
            cast(requisition_lines.requested_quantity as decimal(20, 4)) * requisition_lines.unit_price_amount
            as decimal(18, 4)
        ) as requested_amount
    from requisition_lines
    left join requisitions on requisition_lines.requisition_id = requisitions.requisition_id

),

placed as (

    select
        valued.*,
        {{ in_gbp('valued.requested_amount') }} as requested_amount_gbp,
        tenants.tenant_id,
        {{ as_of_date() }} as as_of_date
    from valued
    -- Oracle names the business unit, not its code.
    left join tenants on valued.business_unit = tenants.tenant_name
    left join rates on {{ rate_at('valued.currency_code', 'valued.requested_date') }}

),

final as (

    {{ evaluate_rules('placed') }}

)

select * from final
