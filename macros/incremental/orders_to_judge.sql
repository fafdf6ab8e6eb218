{# Sales orders whose lines may come out differently than they are stored: something of the order landed within the
   look-back (a deletion counts), a line waits in quarantine, or a version of its product, client or sales representative
   came, went or moved the versions behind it. Everything is found from what changed, nothing by comparing all rows.
   Goes out from the orders where it can, because they are half as many as the lines: an order or a customer that has
   changed since the lines were stored is judged for that reason alone.
   In a macro only to keep the model readable. `since` is a CTE with started_at; the other arguments are relations, not
   CTEs: DuckDB would write down a CTE that is read more than once, with all its rows. #}
{% macro orders_to_judge(since, existing, lines, orders, customers, products, clients, worker_entries) -%}
    {%- set started_at = "(select " ~ since ~ ".started_at from " ~ since ~ ")" -%}
    select orders.order_id from {{ orders }} as orders
    where orders.landed_at >= {{ started_at }}
    union
    select lines.order_id from {{ lines }} as lines
    where lines.landed_at >= {{ started_at }}
    union
    select orders.order_id
    from {{ orders }} as orders
    inner join {{ customers }} as customers on orders.customer_id = customers.customer_id
    where customers.landed_at >= {{ started_at }}
    union
    select waiting.order_id from {{ existing }} as waiting
    where waiting.reason_codes is not null
    union
    {#- A first version starts in 1900, a later one when it landed; a deletion has an older landing time than start. #}
    select stored.order_id
    from {{ existing }} as stored
    inner join {{ products }} as products
        on stored.product_id = products.product_id and stored.ordered_at >= products.valid_from
    where products.landed_at >= {{ started_at }} or products.valid_from >= {{ started_at }}
    union
    select orders.order_id
    from {{ orders }} as orders
    inner join {{ customers }} as customers on orders.customer_id = customers.customer_id
    inner join {{ clients }} as clients
        on customers.client_id = clients.client_id and orders.ordered_at >= clients.valid_from
    where clients.landed_at >= {{ started_at }} or clients.valid_from >= {{ started_at }}
    union
    {#- Entries are dated by Workday, so the snapshot says when one came or was rescinded. #}
    select orders.order_id
    from {{ orders }} as orders
    inner join {{ worker_entries }} as worker_entries
        on orders.sales_rep_id = worker_entries.employee_id
        and orders.ordered_at >= cast(worker_entries.effective_date as {{ dbt.type_timestamp() }})
    where worker_entries.dbt_valid_from >= {{ started_at }}
{%- endmacro %}
