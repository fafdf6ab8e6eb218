{# Sales orders whose lines may come out differently than they are stored: something of the order landed within the
   look-back (a deletion counts), a line waits in quarantine, or a version of its product, client or sales representative
   came, went or moved the versions behind it. Everything is found from what changed, nothing by comparing all rows.
   In a macro only to keep the model readable; its arguments are names of CTEs. #}
{% macro orders_to_judge(existing, lines, orders, customers, products, clients, worker_entries) -%}
    {%- set since = "(select " ~ lookback_start('existing.atom_landed_at') ~ " from " ~ existing ~ " as existing)" -%}
    select order_id from {{ orders }}
    where landed_at >= {{ since }}
    union
    select order_id from {{ lines }}
    where landed_at >= {{ since }}
    union
    select {{ orders }}.order_id
    from {{ orders }}
    inner join {{ customers }} on {{ orders }}.customer_id = {{ customers }}.customer_id
    where {{ customers }}.landed_at >= {{ since }}
    union
    select waiting.order_id from {{ existing }} as waiting
    where waiting.reason_codes is not null
    union
    {#- A first version starts in 1900, a later one when it landed; a deletion has an older landing time than start. #}
    {%- for dimension, member_id in [(products, 'product_id'), (clients, 'client_id')] %}
    select stored.order_id
    from {{ existing }} as stored
    inner join {{ dimension }}
        on stored.{{ member_id }} = {{ dimension }}.{{ member_id }}
        and stored.ordered_at >= {{ dimension }}.valid_from
    where {{ dimension }}.landed_at >= {{ since }} or {{ dimension }}.valid_from >= {{ since }}
    union
    {%- endfor %}
    {#- Entries are dated by Workday, so the snapshot says when one came or was rescinded. #}
    select stored.order_id
    from {{ existing }} as stored
    inner join {{ worker_entries }}
        on stored.sales_rep_id = {{ worker_entries }}.employee_id
        and stored.ordered_at >= cast({{ worker_entries }}.effective_date as {{ dbt.type_timestamp() }})
    where {{ worker_entries }}.dbt_valid_from >= {{ since }}
{%- endmacro %}
