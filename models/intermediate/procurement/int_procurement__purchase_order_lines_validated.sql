-- A table, so that each rule is evaluated once a row and not by each reader.
{{ config(materialized='table') }}

with lines as (

    select * from {{ ref('int_procurement__purchase_order_lines') }}

),

final as (

    {{ evaluate_rules('lines') }}

)

select * from final
