-- A table: the fact and the parallel run read it.
{{ config(materialized='table') }}

{% set fields = shipment_fields() %}

{#- The rules of int_supply_chain__shipments_validated that only warn, in their order; a test compares both lists. -#}
{% set warnings = [
    'MODE_UNKNOWN',
    'PLANT_UNKNOWN',
    'ORDER_NOT_LANDED',
    'MATERIAL_NOT_ON_ORDER',
    'SHIPPED_BEFORE_ORDER',
    'TRANSIT_TOO_LONG',
] %}

with lines as (

    select * from {{ ref('int_supply_chain__shipment_repeats') }}

),

decisions as (

    select * from {{ ref('int_supply_chain__shipment_decisions') }}

),

final as (

    select
        decisions.shipment_key,
        decisions.alpha_line_key,
        decisions.beta_line_key,
        alpha.shipment_reference as alpha_shipment_reference,
        beta.shipment_reference as beta_shipment_reference,
        case
            when beta.legacy_line_key is null then 'alpha'
            when alpha.legacy_line_key is null then 'beta'
            else 'alpha beta'
        end as source_systems,
        decisions.match_method,
        decisions.match_score,
        decisions.fields_won_by_alpha,
        decisions.fields_won_by_beta,
        {%- for field, how in fields.items() %}
        {%- for column in how.columns %}
        case when decisions.{{ field }}_side = 'alpha' then alpha.{{ column }} else beta.{{ column }} end
            as {{ column }},
        {%- endfor %}
        {%- endfor %}
        -- What both lines are warned of stands once.
        nullif(trim(
            {% for code in warnings %}
            case
                when ' ' || alpha.warning_codes || ' ' like '% {{ code }} %'
                    or ' ' || beta.warning_codes || ' ' like '% {{ code }} %' then '{{ code }} '
                else ''
            end
            {% if not loop.last %}|| {% endif %}
            {% endfor %}
        ), '') as warning_codes,
        coalesce(alpha.row_hash, beta.row_hash) as row_hash,
        coalesce(alpha.source_ref, beta.source_ref) as source_ref,
        alpha.source_ref as alpha_source_ref,
        beta.source_ref as beta_source_ref,
        coalesce(alpha.load_id, beta.load_id) as load_id,
        -- coalesce, because greatest() of a null is null in Snowflake.
        greatest(coalesce(alpha.landed_at, beta.landed_at), coalesce(beta.landed_at, alpha.landed_at)) as landed_at
    from decisions
    left join lines as alpha on decisions.alpha_line_key = alpha.legacy_line_key
    left join lines as beta on decisions.beta_line_key = beta.legacy_line_key

)

select * from final
