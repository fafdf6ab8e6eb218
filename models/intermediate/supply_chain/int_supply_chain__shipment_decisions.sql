-- A table: the shipments, the log of decisions and the parallel run read it.
{{ config(materialized='table') }}

{% set fields = shipment_fields() %}
{% set furthest = ['delivered', 'cancelled', 'in_transit', 'planned'] %}

with lines as (

    select * from {{ ref('int_supply_chain__shipment_repeats') }}
    where repeat_kind is null

),

pairs as (

    select * from {{ ref('int_supply_chain__shipment_pairs') }}

),

-- One row with a column for each field; a field that is missing in the seed is Alpha's.
precedence as (

    select
    {%- for field in fields %}
        coalesce(max(case when field_name = '{{ field }}' then preferred_system end), 'alpha') as {{ field }}
        {{- ',' if not loop.last }}
    {%- endfor %}
    from {{ ref('shipment_precedence') }}

),

alpha as (

    select * from lines
    where legacy_system = 'alpha'

),

beta as (

    select * from lines
    where legacy_system = 'beta'

),

-- A shipment is a pair, or a line of Alpha or of Beta without one.
sides as (

    select
        alpha.legacy_line_key as alpha_line_key,
        pairs.beta_line_key,
        pairs.is_same_number,
        pairs.match_score
    from alpha
    left join pairs on alpha.legacy_line_key = pairs.alpha_line_key
    union all
    select
        cast(null as varchar) as alpha_line_key,
        beta.legacy_line_key as beta_line_key,
        cast(null as boolean) as is_same_number,
        cast(null as integer) as match_score
    from beta
    where not exists (
            select 1 from pairs
            where pairs.beta_line_key = beta.legacy_line_key
        )

),

-- Per field the side that counts: the one that knows it, else the one that the precedence prefers.
decided as (

    select
        sides.*,
        {%- for field, how in fields.items() %}
        {%- set compared = how.compare or how.columns[0] %}
        case
            when beta.{{ how.columns[0] }} is null then 'alpha'
            when alpha.{{ how.columns[0] }} is null then 'beta'
            {%- for status in furthest if field == 'shipment_status' %}
            when precedence.{{ field }} = 'furthest' and alpha.{{ field }} = '{{ status }}' then 'alpha'
            when precedence.{{ field }} = 'furthest' and beta.{{ field }} = '{{ status }}' then 'beta'
            {%- endfor %}
            when precedence.{{ field }} = 'beta' then 'beta'
            else 'alpha'
        end as {{ field }}_side,
        {%- if how.gap %}
        coalesce({{ relative_gap('alpha.' ~ compared, 'beta.' ~ compared) }} > {{ how.gap }}, false)
        {%- else %}
        coalesce(alpha.{{ compared }} <> beta.{{ compared }}, false)
        {%- endif %} as is_{{ field }}_conflict,
        {%- endfor %}
        alpha.shipment_id as alpha_shipment_id,
        beta.shipment_id as beta_shipment_id
    from sides
    left join alpha on sides.alpha_line_key = alpha.legacy_line_key
    left join beta on sides.beta_line_key = beta.legacy_line_key
    cross join precedence

),

final as (

    select
        -- Alpha's number names the shipment once Alpha knows it. Numbers, because files can come again.
        case
            when alpha_line_key is not null
                then {{ dbt_utils.generate_surrogate_key(["'alpha'", 'alpha_shipment_id']) }}
            else {{ dbt_utils.generate_surrogate_key(["'beta'", 'beta_shipment_id']) }}
        end as shipment_key,
        alpha_line_key,
        beta_line_key,
        case
            when match_score is null then 'unpaired'
            when is_same_number then 'number'
            else 'similarity'
        end as match_method,
        match_score,
        {%- for field in fields %}
        {{ field }}_side,
        {%- endfor %}
        {{ fields_won_by('alpha') }} as fields_won_by_alpha,
        {{ fields_won_by('beta') }} as fields_won_by_beta
    from decided

)

select * from final
