{{ config(materialized='table') }}

with relationships as (

    select * from {{ ref('stg_emerald__bank_relationships') }}

),

clients as (

    select * from {{ ref('stg_emerald__clients') }}

),

countries as (

    select * from {{ ref('countries') }}

),

checked as (

    select
        relationships.*,
        -- Null while the client has not landed: that is no fault of the relationship.
        clients.client_status,
        countries.country_name as bank_country_name,
        -- The last day of what the client had before, with this bank and for this product.
        max(coalesce(relationships.ended_date, cast('9999-12-31' as date))) over (
            partition by
                relationships.client_id,
                relationships.bank_bic,
                relationships.bank_product,
                -- A row whose own dates are impossible must not make a good one look doubled.
                coalesce(relationships.ended_date < relationships.started_date, false)
            order by relationships.started_date, relationships.relationship_id
            rows between unbounded preceding and 1 preceding
        ) as earlier_ended_date,
        {{ bic_is_live('relationships.bank_bic') }} as has_possible_bank,
        {{ as_of_date() }} as judged_date,
        -- Banks and clients agree on a start some weeks ahead.
        cast({{ dbt.dateadd('day', 90, as_of_date()) }} as date) as latest_start_date
    from relationships
    left join clients on relationships.client_id = clients.client_id
    left join countries on {{ bic_country('relationships.bank_bic') }} = countries.country_code

),

final as (

    {{ evaluate_rules('checked') }}

)

select * from final
