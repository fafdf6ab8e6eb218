"""`$metadata`: a service as an OData v2 EDMX document."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

from ingestion.sandbox.model import EntitySet, Navigation, Property, Service
from ingestion.sandbox.store import Store

HEAD = (
    '<?xml version="1.0" encoding="utf-8"?>\n'
    '<edmx:Edmx Version="1.0" xmlns:edmx="http://schemas.microsoft.com/ado/2007/06/edmx" '
    'xmlns:m="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata" '
    'xmlns:sap="http://www.sap.com/Protocols/SAPData">\n'
    '<edmx:DataServices m:DataServiceVersion="2.0">\n'
)
TAIL = "</edmx:DataServices>\n</edmx:Edmx>\n"


def metadata_document(service: Service, store: Store) -> str:
    """The EDMX document of a service, with the types as they are served now."""
    sets = [collection.definition for collection in store.of_service(service.name)]
    ends = [(entity, nav, f"assoc_{entity.name}_{nav.name}") for entity in sets for nav in entity.navigations]
    types = "".join(_entity_type(service, entity) for entity in sets)
    associations = "".join(_association(service, entity, nav, name) for entity, nav, name in ends)
    return (
        f"{HEAD}<Schema Namespace={quoteattr(service.name)} "
        'xmlns="http://schemas.microsoft.com/ado/2008/09/edm" sap:schema-version="1">\n'
        f"{types}{associations}{_container(service, sets, ends)}</Schema>\n{TAIL}"
    )


def _entity_type(service: Service, entity: EntitySet) -> str:
    keys = "".join(f"<PropertyRef Name={quoteattr(prop.name)}/>" for prop in entity.keys)
    properties = "".join(_property(prop) for prop in entity.properties)
    navigations = "".join(
        f"<NavigationProperty Name={quoteattr(nav.name)} "
        f'Relationship="{service.name}.assoc_{entity.name}_{nav.name}" '
        f'FromRole="FromRole" ToRole="ToRole"/>\n'
        for nav in entity.navigations
    )
    return (
        f'<EntityType Name="{entity.type_name}" sap:content-version="1">\n'
        f"<Key>{keys}</Key>\n{properties}{navigations}</EntityType>\n"
    )


def _property(prop: Property) -> str:
    facets = {"MaxLength": prop.length, "Precision": prop.precision, "Scale": prop.scale}
    written = "".join(f' {name}="{value}"' for name, value in facets.items() if value is not None)
    nullable = ' Nullable="false"' if prop.key else ""
    display = ' sap:display-format="Date"' if prop.edm == "Edm.DateTime" else ""
    return f'<Property Name={quoteattr(prop.name)} Type="{prop.edm}"{nullable}{written}{display}/>\n'


def _association(service: Service, entity: EntitySet, navigation: Navigation, name: str) -> str:
    return (
        f'<Association Name="{name}">\n'
        f'<End Type="{service.name}.{entity.type_name}" Multiplicity="1" Role="FromRole"/>\n'
        f'<End Type="{service.name}.{navigation.target}Type" Multiplicity="*" Role="ToRole"/>\n'
        "</Association>\n"
    )


def _container(service: Service, sets: list[EntitySet], ends: list[tuple[EntitySet, Navigation, str]]) -> str:
    entity_sets = "".join(
        f'<EntitySet Name="{entity.name}" EntityType="{service.name}.{entity.type_name}" '
        'sap:creatable="false" sap:updatable="false" sap:deletable="false"/>\n'
        for entity in sets
    )
    association_sets = "".join(
        f'<AssociationSet Name="{name}" Association="{service.name}.{name}">\n'
        f'<End EntitySet="{entity.name}" Role="FromRole"/>\n<End EntitySet="{nav.target}" Role="ToRole"/>\n'
        "</AssociationSet>\n"
        for entity, nav, name in ends
    )
    return (
        f'<EntityContainer Name="{service.name}_Entities" m:IsDefaultEntityContainer="true">\n'
        f"{entity_sets}{association_sets}</EntityContainer>\n"
    )
