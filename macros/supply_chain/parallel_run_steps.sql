{#- Steps from a pipeline's own total to the new one: which lines each concerns, and what it adds. -#}
{% macro parallel_run_steps() %}
    {% do return([
        {'cause': 'outcome', 'reads': 'traced', 'where': "outcome <> 'kept'", 'shipment_count': -1,
         'quantity': '-written_quantity', 'weight': '-written_weight', 'freight': '-written_freight'},
        {'cause': "'unit_conversion'", 'reads': 'kept',
         'quantity': 'base_quantity - written_quantity', 'weight': 'weight_kg - written_weight'},
        {'cause': "'currency_conversion'", 'reads': 'kept', 'freight': 'freight_amount_gbp - written_freight'},
        {'cause': "'conflict_resolved'", 'reads': 'kept', 'quantity': 'new_quantity - base_quantity',
         'weight': 'case when is_weight_filled then 0 else new_weight - weight_kg end',
         'freight': 'case when is_freight_filled then 0 else new_freight - freight_amount_gbp end'},
        {'cause': "'known_to_other_system'", 'reads': 'kept',
         'weight': 'case when is_weight_filled then new_weight else 0 end',
         'freight': 'case when is_freight_filled then new_freight else 0 end'},
        {'cause': "'moved'", 'reads': 'moved', 'shipment_count': -1,
         'quantity': '-new_quantity', 'weight': '-new_weight', 'freight': '-new_freight'},
        {'cause': "'moved'", 'reads': 'moved', 'shipment_count': 1, 'month': 'new_month', 'plant': 'new_plant_id',
         'quantity': 'new_quantity', 'weight': 'new_weight', 'freight': 'new_freight'},
    ]) %}
{% endmacro %}

{% macro parallel_run_shared_steps() %}
    {% do return([
        {'system': "'both'", 'cause': 'duplicate', 'sign': '-',
         'where': 'alpha_line_key is not null and beta_line_key is not null'},
        {'system': "case when alpha_line_key is null then 'alpha' else 'beta' end", 'cause': 'shipment_of_other_system',
         'sign': '', 'where': 'alpha_line_key is null or beta_line_key is null'},
    ]) %}
{% endmacro %}
