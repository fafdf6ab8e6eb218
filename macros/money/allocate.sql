{# Splits totals over the rows of a unit by weight, so that the shares add up to the total exactly: each row gets its share
   rounded down to 0.0001, the smallest unit of an amount, and the units left over go to the rows that lost most by it,
   one each (largest remainder); ties go by order_by. Weights that are null or negative count as 0; where no row of a
   unit has a weight, all weigh the same. A negative total is split like a positive one, its sign put back. A null
   total gives null shares. Adds one column for each entry of `allocations`: {name: {total: ..., weight: ...}}, where the
   total is the same in all rows of the unit. Integers throughout: DuckDB divides decimals as floating point. #}
{% macro allocate(input, unit, order_by, allocations) -%}
    select
        placed.* exclude (
            {%- for name in allocations %}
            {{ name }}__units, {{ name }}__weight, {{ name }}__weights, {{ name }}__floor, {{ name }}__rest, {{ name }}__place
            {{- ',' if not loop.last }}
            {%- endfor %}
        ),
        {%- for name, entry in allocations.items() %}
        cast(
            cast(
                {{ name }}__floor + case
                    when {{ name }}__place <= {{ name }}__units - sum({{ name }}__floor) over (partition by {{ unit }}) then 1
                    else 0
                end as decimal(30, 0)
            ) * case when {{ entry.total }} < 0 then -0.0001 else 0.0001 end as decimal(18, 4)
        ) as {{ name }}
        {{- ',' if not loop.last }}
        {%- endfor %}
    from (
        select
            shared.*,
            {%- for name in allocations %}
            row_number() over (partition by {{ unit }} order by {{ name }}__rest desc, {{ order_by }}) as {{ name }}__place
            {{- ',' if not loop.last }}
            {%- endfor %}
        from (
            select
                weighed.*,
                {%- for name in allocations %}
                {%- set share = name ~ '__units * case when ' ~ name ~ '__weights = 0 then 1 else ' ~ name ~ '__weight end' %}
                {%- set of = 'case when ' ~ name ~ '__weights = 0 then line_count__ else ' ~ name ~ '__weights end' %}
                {{ whole_division(share, of) }} as {{ name }}__floor,
                mod({{ share }}, {{ of }}) as {{ name }}__rest
                {{- ',' if not loop.last }}
                {%- endfor %}
            from (
                select
                    units.*,
                    {%- for name in allocations %}
                    sum({{ name }}__weight) over (partition by {{ unit }}) as {{ name }}__weights,
                    {%- endfor %}
                    count(*) over (partition by {{ unit }}) as line_count__
                from (
                    select
                        {{ input }}.*,
                        {%- for name, entry in allocations.items() %}
                        {{ whole_units('abs(' ~ entry.total ~ ')') }} as {{ name }}__units,
                        {{ whole_units("greatest(coalesce(" ~ entry.weight ~ ", 0), 0)") }} as {{ name }}__weight
                        {{- ',' if not loop.last }}
                        {%- endfor %}
                    from {{ input }}
                ) as units
            ) as weighed
        ) as shared
    ) as placed
{%- endmacro %}
